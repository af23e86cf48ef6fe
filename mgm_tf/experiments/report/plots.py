"""Lines with bands over the seeds, as SVG."""

import dataclasses
from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from mgm_tf.plotting.svg import BLUE, STYLE, text_of

SIZE = 4.2, 3.0  # inches
CHARACTERS = 60  # in a line of that width
STROKE = 8  # characters that the stroke beside a name takes, and the gap
# Colours that stand out on both, and strokes that do without colours.
COLORS = BLUE, "#e0701f", "#1f9d61", "#d6455d", "#9a5fd0", "#159aa8", "#b58900"
STROKES = "-", "--", "-.", ":"


@dataclasses.dataclass(frozen=True)
class Line:
    """A line and its band.

    Attributes:
      name: the name in the legend.
      x, y: the coordinates of its points.
      low, high: the ends of the band at each point.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


def over_seeds(name: str, points: Sequence[tuple[float, Sequence[float]]]) -> Line:
    """Returns the line of the means and the band from the lowest to the highest seed.

    Args:
      name: the name in the legend.
      points: pairs of x and the values of the seeds there.
    """
    return Line(
        name,
        [x for x, _ in points],
        [float(np.mean(values)) for _, values in points],
        [min(values) for _, values in points],
        [max(values) for _, values in points],
    )


def svg(
    lines: Sequence[Line], x_label: str, y_label: str, *, markers: bool = False
) -> str:
    """Returns the plot as the text of a file; the same lines give the same text."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        for number, line in enumerate(lines):
            color = COLORS[number % len(COLORS)]
            stroke = STROKES[number % len(STROKES)]
            point = "o" if markers or len(line.x) < 2 else ""
            axes.plot(
                line.x,
                line.y,
                stroke,
                color=color,
                label=line.name,
                marker=point,
                ms=3.5,
            )
            axes.fill_between(
                line.x, line.low, line.high, color=color, alpha=0.18, linewidth=0
            )
        axes.grid(visible=True)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        columns = legend_columns([line.name for line in lines])
        figure.legend(loc="outside upper center", ncols=columns, frameon=False)
    return text_of(figure)


def legend_columns(names: Sequence[str]) -> int:
    """Returns how many names stand side by side, at most 3, so that none is cut."""
    longest = max(map(len, names), default=0)
    return max(1, min(3, len(names), CHARACTERS // (longest + STROKE)))


def in_words(lines: Sequence[Line], what: str, x_label: str) -> str:
    """Says where every line ends, for those who cannot see the plot."""
    ends = [f"{line.name} {line.y[-1]:.4g} at {line.x[-1]:g}" for line in lines]
    return f"{what} over {x_label}. At the end: {'; '.join(ends)}."
