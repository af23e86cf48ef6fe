"""Plots as SVG that reads on a light page and on a dark one.

Text stays text, and the same figure gives the same file each time.
"""

import html
import io
import re
from collections.abc import Sequence

import matplotlib
from matplotlib.figure import Figure

BLUE = "#4b7bec"
GREY = "#808890"  # axes and text: seen on white and on black
STYLE: dict = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mgm_tf",
    "font.family": "sans-serif",
    "font.size": 9,
    "text.color": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "grid.color": GREY,
    "grid.alpha": 0.25,
}
HISTOGRAM_SIZE = 2.0, 0.32  # inches


def text_of(figure: Figure) -> str:
    """Returns a figure as the text of an SVG file without background and metadata.

    The figure should be built within `matplotlib.rc_context(STYLE)`.
    """
    file = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]  # without the document type
    text = re.sub(r"\s*<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    return text.strip() + "\n"


def histogram(counts: Sequence[int]) -> str:
    """Returns bars of equal width that fill their figure, without axes."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=HISTOGRAM_SIZE)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set(xlim=(0, len(counts)), ylim=(0, max(*counts, 1)))
        # Without a clip path the drawing needs no ids.
        axes.stairs(counts, fill=True, color=BLUE, clip_on=False)
    return text_of(figure)


def inline(file: str, name: str, text: str) -> str:
    """Returns an SVG file as a part of an HTML page.

    Args:
      file: the text of the file.
      name: the prefix of the drawing's ids, unique on the page.
      text: what is to be seen, for those who cannot see it.
    """
    # Rules of style would hold for the whole page; HTML knows the namespaces.
    file = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", file, flags=re.DOTALL)
    file = re.sub(r' xmlns(:\w+)?="[^"]*"| version="[^"]*"', "", file)
    file = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", file)
    file = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", file)
    file = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", file)
    label = html.escape(text)
    return file.replace("<svg", f'<svg role="img" aria-label="{label}"', 1)
