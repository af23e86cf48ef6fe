"""How the page of an audit looks: on a desk, on a phone, on paper, light and dark."""

STYLE = """
:root{color-scheme:light dark;--back:#fff;--ink:#1b1f24;--soft:#5b6570;--line:#d5dae0;
--box:#f4f6f8;--bar:#4b7bec;--error:#b3261e;--error-back:#fdeceb;--warning:#7a4f00;
--warning-back:#fff4d6}
@media (prefers-color-scheme:dark){:root{--back:#14171a;--ink:#e6e9ec;--soft:#9aa5b1;
--line:#343b43;--box:#1d2226;--bar:#6f9bff;--error:#ffb4ab;--error-back:#3b1715;
--warning:#ffd27a;--warning-back:#362a0c}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:76rem;margin:0 auto;padding:1rem}
h1{font-size:1.7rem;margin:.5rem 0}
h2{font-size:1.2rem;margin:2rem 0 .6rem;border-bottom:1px solid var(--line)}
p{margin:.4rem 0;max-width:50rem}
nav a{color:inherit;margin-right:.9rem;font-size:.9rem;white-space:nowrap}
.findings{list-style:none;padding:0;margin:0}
.findings li{padding:.5rem .8rem;margin:.4rem 0;border-left:4px solid;
border-radius:4px;overflow-wrap:anywhere}
.error{color:var(--error);background:var(--error-back)}
.warning{color:var(--warning);background:var(--warning-back)}
.wide{overflow-x:auto}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:.25rem .7rem .25rem 0;text-align:left;vertical-align:middle;
border-bottom:1px solid var(--line)}
th{color:var(--soft);font-weight:600;white-space:normal}
td{white-space:nowrap}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,34rem),1fr));
gap:.8rem}
.example{margin:0;padding:.5rem;background:var(--box);border-radius:6px;
break-inside:avoid}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(6.2rem,1fr));gap:.4rem}
.tiles div{min-width:0}
img{display:block;width:100%;image-rendering:pixelated}
small{display:block;color:var(--soft);font-size:.72rem;line-height:1.2;margin-top:.15rem;
overflow-wrap:anywhere}
figcaption{font-size:.85rem;margin-top:.3rem;overflow-wrap:anywhere}
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
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}
@media print{:root{--back:#fff;--ink:#000;--soft:#444;--line:#bbb;--box:#f4f4f4;
--bar:#4b7bec;--error:#8c0000;--error-back:#fff;--warning:#5a3a00;--warning-back:#fff}
main{max-width:none;padding:0}.wide{overflow:visible}table{font-size:.7rem}
td{white-space:normal}nav{display:none}tr{break-inside:avoid}
.sheet{grid-template-columns:1fr 1fr}.tiles{grid-template-columns:repeat(4,1fr)}}
"""
