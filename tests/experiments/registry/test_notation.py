import pytest

from mgm_tf.experiments.registry import notation
from mgm_tf.experiments.registry.notation import row
from mgm_tf.experiments.registry.records import Better, Close, Published, Row, Training

BOTH = Training(("both",))
DEPTH = Training(("depth",))
EDGES = Training(("edges",))
TASKS = ("segmentation", "depth")


def test_a_block_is_rows_and_their_figures():
    block = notation.block(
        "some",
        "rooms",
        row("Both", BOTH, ".25±.01  1.5±.2"),
        row("One", {"depth": DEPTH, "edges": EDGES}, "-  .125"),
        row("None", BOTH),
        tasks=TASKS,
        flags=(("labelled_percent", "50"),),
        own_flags=(("protocol", "paper"),),
    )
    assert (block.name, block.dataset) == ("some", "rooms")
    assert block.rows == (
        Row("Both", {"segmentation": BOTH, "depth": BOTH}),
        Row("One", {"depth": DEPTH}),  # edges are no task of this block
        Row("None", {"segmentation": BOTH, "depth": BOTH}),
    )
    assert block.published == {
        ("Both", "segmentation"): Published(0.25, 0.01),
        ("Both", "depth"): Published(1.5, 0.2),
        ("One", "depth"): Published(0.125),
    }
    assert block.tasks == TASKS
    assert block.flags == (("labelled_percent", "50"),)
    assert block.own_flags == (("protocol", "paper"),)


@pytest.mark.parametrize("dataset", ["nyuv2", "tiny_taskonomy"])
def test_a_data_setting_is_a_percentage_of_labels(dataset):
    block = getattr(notation, dataset)(10, row("Both", BOTH))
    assert (block.name, block.dataset) == (f"{dataset} 10 %", dataset)
    assert block.flags == (("labelled_percent", "10"),)
    assert block.tasks == ("segmentation", "depth", "normals")
    assert not block.published


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (row("Both", BOTH, ".25"), "each of segmentation, depth"),
        (row("One", {"depth": DEPTH}, ".25  .125"), "has a figure of segmentation"),
        (row("Both", BOTH, ".25  x"), "'x'"),
    ],
)
def test_figures_that_do_not_fit_are_refused(line, message):
    with pytest.raises(ValueError, match=message):
        notation.block("some", "rooms", line, tasks=TASKS)


def test_a_claim_compares_row_by_row_in_each_block():
    claim = notation.better("So.", ("a", "b"), "X", ("Y", "Z"), 0.5, ("depth",))
    pairs = (
        (("a", "X"), ("a", "Y")),
        (("a", "X"), ("a", "Z")),
        (("b", "X"), ("b", "Y")),
        (("b", "X"), ("b", "Z")),
    )
    assert claim == Better("So.", pairs, 0.5, ("depth",))


def test_rows_are_close_in_each_block():
    claim = notation.close("So.", ("a", "b"), [("X", "Y")], tolerance=0.2)
    pairs = ((("a", "X"), ("a", "Y")), (("b", "X"), ("b", "Y")))
    assert claim == Close("So.", pairs, 0.2)
