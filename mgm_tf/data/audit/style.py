"""What the page of an audit adds to the look of all pages (`web_page.STYLE`)."""

STYLE = """
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,34rem),1fr));
gap:.8rem}
.example{margin:0;padding:.5rem;background:var(--box);border-radius:6px;
break-inside:avoid}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.2rem,1fr));gap:.4rem}
.tiles div{min-width:0}
.scales{max-width:none;font-size:.85rem;color:var(--soft)}
.scales span{white-space:nowrap;margin-right:1rem}
.scale{display:inline-block;width:6rem;height:.7rem;margin:0 .35rem;
vertical-align:middle}
.chip{display:inline-block;width:.9rem;height:.9rem;margin-right:.45rem;
vertical-align:-.1rem;border:1px solid var(--soft);border-radius:2px}
.share{display:inline-block;width:5rem;height:.7rem;margin-right:.5rem;
background:var(--box);vertical-align:middle}
.share.none{outline:1px dashed var(--error)}
.bar{display:block;height:100%;background:var(--bar);border-right:1px solid var(--soft)}
svg{display:block;width:10rem;height:1.6rem;fill:var(--bar);background:var(--box)}
@media print{.sheet{grid-template-columns:1fr 1fr}
.tiles{grid-template-columns:repeat(4,1fr)}}
"""
