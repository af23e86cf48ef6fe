"""What the colours of a map stand for."""

import numpy as np

from datasets.metadata import TaskInfo, depth_info, normals_info, segmentation_info
from mgm_tf.plotting import html, legends

CLASSES = segmentation_info(("wall", "floor", "<b>"), ((1, 2, 3), (4, 5, 6), (7, 8, 9)))


def test_classes_come_by_their_area():
    legend = legends.legend(CLASSES, np.array([[1, 1], [1, 0]]))
    assert legend.entries == (
        legends.Entry("floor", (4, 5, 6), 0.75),
        legends.Entry("wall", (1, 2, 3), 0.25),
    )
    assert (legend.scale, legend.unit) == ((), "")


def test_a_scale_has_its_ends_and_its_unit():
    legend = legends.legend(depth_info(), np.array([[1.0, 2.5]]))
    assert (legend.low, legend.high, legend.unit) == ("1", "2.5", "m")
    assert len(legend.scale) == legends.STOPS and legend.values == ""


def test_values_beyond_the_scale_are_told():
    values = np.zeros((10, 10, 2))
    values[0, 0] = 50.0  # one of a hundred: the scale ends at 98 %
    curvature = TaskInfo(name="curvature", channels=2)
    legend = legends.legend(curvature, values)
    assert (legend.low, legend.high, legend.values) == ("-1", "1", "0 to 50")


def test_directions_are_named():
    legend = legends.legend(normals_info(), np.zeros((2, 2, 3)))
    assert [e.name for e in legend.entries] == [
        "to the right",
        "up",
        "towards the camera",
    ]


def test_a_legend_as_html():
    legend = legends.legend(CLASSES, np.array([[2] * 199 + [0]]))
    text = html.render("legend.html.j2", legend=legend)
    assert "&lt;b&gt; 100%" in text and "wall &lt;1%" in text
    assert "rgb(7 8 9)" in text
    scale = legends.legend(depth_info(), np.array([[1.0, 2.5]]))
    text = html.render("legend.html.j2", legend=scale)
    assert "linear-gradient(to right, rgb(" in text and "unit: m" in text
