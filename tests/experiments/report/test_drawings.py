"""Curves and figures: from logs and exhibits, sentences where there are none."""

import re
import xml.etree.ElementTree

import numpy as np
import pytest

from mgm_tf.experiments.registry.records import Row, Table, Training
from mgm_tf.experiments.report import (
    assemble,
    curves,
    drawings,
    figures,
    find,
    picture,
    plots,
)
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import (
    MGM,
    MT,
    ROWS,
    ST_DEPTH,
    ST_SEGMENTATION,
    TASKS,
    block,
    validation,
)

RATIOS = tuple(
    Row(f"{name} {percent} %", dict.fromkeys(TASKS, Training((variant,), flags)))
    for name, variant in (("MGM", "mgm"), ("MGM/j", "mgm_frozen"))
    for percent, flags in ((25, ()), (50, (("synthesis_ratio", "2"),)))
)


def drawn(root, table):
    runs = find([root])
    record = assemble({table.name: table}, runs, names=[table.name])
    return drawings(record, runs), record


def only(root, table):
    """The drawings of a table that has them in one place."""
    (found,) = drawn(root, table)[0].values()
    return found


# --- Plots --------------------------------------------------------------------------


def test_a_line_is_the_mean_and_its_band_reaches_over_the_seeds():
    line = plots.over_seeds("MT", [(10, [1.0, 3.0]), (20, [2.0])])
    assert line == plots.Line("MT", [10, 20], [2.0, 2.0], [1.0, 2.0], [3.0, 2.0])
    text = plots.in_words([line], "score", "steps")
    assert text == "score over steps. At the end: MT 2 at 20."


def test_a_plot_is_plain_svg_and_the_same_each_time():
    lines = [plots.over_seeds("a < b", [(0, [1.0]), (1, [2.0])])]
    first, second = (plots.svg(lines, "steps", "score") for _ in range(2))
    assert first == second
    root = xml.etree.ElementTree.fromstring(first)
    words = [node.text for node in root.iter() if node.tag.endswith("text")]
    assert {"steps", "score", "a < b"} <= set(words)
    assert "<metadata" not in first and "<!DOCTYPE" not in first
    # Nothing is filled in behind the axes.
    assert not re.search(r"fill: (#ffffff|white)", first)


# --- Learning curves ----------------------------------------------------------------


def test_the_curve_of_a_row_is_the_mean_over_its_seeds(tmp_path):
    metrics = run_folders.figures(0.2, 0.5)
    logs = [validation([(10, 0.2), (20, 0.4)]), validation([(10, 0.4), (20, 0.6)])]
    for seed, log in enumerate(logs):
        run_folders.write(tmp_path, MT, seed, metrics, log=log)
    table = Table("2", "", (block(),))
    score, depth = only(tmp_path, table)
    assert score.title == "nyuv2 50 %, on rooms: validation score"
    assert score.text == "validation/score over steps. At the end: MT 0.5 at 20."
    assert depth.text == (
        "validation/depth/absolute_error over steps. At the end: MT 0.5 at 20."
    )
    assert score.svg and score.is_drawn


def test_only_steps_that_all_seeds_have_are_drawn(tmp_path):
    metrics = run_folders.figures(0.2, 0.5)
    logs = [[(10, 0.2), (20, 0.4), (30, 0.9)], [(10, 0.2), (20, 0.2)]]
    for seed, log in enumerate(logs):
        run_folders.write(tmp_path, MT, seed, metrics, log=validation(log))
    assert only(tmp_path, Table("2", "", (block(),)))[0].text.endswith("MT 0.3 at 20.")


def test_the_score_of_one_network_a_task_is_their_mean(tmp_path):
    for training, scores in ((ST_SEGMENTATION, (0.1, 0.2)), (ST_DEPTH, (0.3, 0.6))):
        log = validation(zip((10, 20), scores, strict=True))
        run_folders.write(tmp_path, training, 0, run_folders.figures(0.2, 0.5), log=log)
    score, *_ = only(tmp_path, Table("2", "", (block(),)))
    assert score.text.endswith("At the end: ST 0.4 at 20.")


def test_a_step_that_was_done_again_counts_as_it_was_last(tmp_path):
    log = validation([(10, 0.1), (20, 0.2), (20, 0.3)])
    run_folders.write(tmp_path, MT, 0, run_folders.figures(0.2, 0.5), log=log)
    assert only(tmp_path, Table("2", "", (block(),)))[0].text.endswith("MT 0.3 at 20.")


def test_without_a_log_there_is_no_curve(tmp_path):
    run_folders.write(tmp_path, MT, 0, run_folders.figures(0.2, 0.5))
    found, record = drawn(tmp_path, Table("2", "", (block(),)))
    (shown,) = record["tables"][0]["blocks"]
    assert found == {shown["id"]: []}
    assert curves.of_block(shown, find([tmp_path])) == []


# --- Figures ------------------------------------------------------------------------


@pytest.mark.parametrize("way", figures.DRAWINGS)
def test_missing_exhibits_give_a_sentence(tmp_path, way):
    run_folders.write(tmp_path, MT, 0, run_folders.figures(0.2, 0.5))
    for one in only(tmp_path, Table("F4", "", (block("half"),), drawing=way)):
        assert not one.is_drawn and re.match("(No|The) .*[.]$", one.text)


def test_predictions_stand_above_the_ground_truth(tmp_path):
    for training, tasks in (
        (ST_SEGMENTATION, TASKS[:1]),
        (ST_DEPTH, TASKS[1:]),
        (MT, TASKS),
    ):
        folder = run_folders.write(tmp_path, training, 0, run_folders.figures(0.2, 0.5))
        run_folders.write_report_arrays(folder, tasks)
    first, second = only(tmp_path, Table("F4", "", (block(),), drawing="predictions"))
    assert "predictions of ST, MT, each" in first.text
    assert first.text.endswith("MGM left no predictions.")
    assert first.pixels.dtype == np.uint8 and first.pixels.shape[-1] == 3
    # The test image, ST, MT and the ground truth: four pictures of 96 pixels at least.
    assert first.pixels.shape[0] > 4 * 96 and first.pixels.shape[1] > 4 * 96
    assert not np.array_equal(first.pixels[:200], second.pixels[:200])


def test_predictions_of_other_images_are_not_compared(tmp_path):
    for training, images in ((MT, 2), (MGM, 1)):
        folder = run_folders.write(tmp_path, training, 0, run_folders.figures(0.2, 0.5))
        run_folders.write_report_arrays(folder, images=images)
    (only_one,) = only(tmp_path, Table("F4", "", (block(),), drawing="predictions"))
    assert only_one.text == "The runs have left predictions of different images."


def test_curves_over_the_share_of_weak_images(tmp_path):
    for number, row in enumerate(RATIOS):
        (training,) = row.trainings()
        for seed in (0, 1):
            metrics = run_folders.figures(0.1 * (number + 1) + 0.02 * seed, 0.5)
            run_folders.write(tmp_path, training, seed, metrics)
    table = Table("F5", "", (block(rows=RATIOS),), drawing="ratio_curves")
    segmentation, depth = only(tmp_path, table)
    assert segmentation.title == "rooms: SS-mIOU" and depth.title == "rooms: DE-mABSE"
    assert segmentation.text.endswith("At the end: MGM 0.21 at 50; MGM/j 0.41 at 50.")


def test_generated_images_of_rows_stand_below_each_other(tmp_path):
    for training in (MT, MGM):
        folder = run_folders.write(tmp_path, training, 0, run_folders.figures(0.2, 0.5))
        run_folders.write_report_arrays(folder)
    rows = (Row("SAGAN", {"depth": MT}), Row("MGM", {"depth": MGM}))
    table = Table("F7", "", (block(rows=rows),), drawing="samples")
    (found,) = only(tmp_path, table)
    assert "of bath, hall; of each class a line of SAGAN and one of MGM." in found.text
    assert found.pixels.shape[0] > 4 * 96  # two classes of two rows
    other = {"images": np.zeros((1, 3, 8, 8, 3), np.uint8), "titles": ["attic"]}
    np.savez(folder / "exhibits" / "samples.npz", **other)
    (found,) = only(tmp_path, table)
    assert found.text == "The runs have left generated images of other classes."


def test_annotated_images_have_a_legend(tmp_path):
    folder = run_folders.write(tmp_path, MT, 0, run_folders.figures(0.2, 0.5))
    run_folders.write_report_arrays(folder)
    table = Table("F8", "", (block(rows=ROWS[1:2]),), drawing="oracle")
    (found,) = only(tmp_path, table)
    assert found.text.startswith("2 images, each left of the classes")
    for color in run_folders.INFOS["segmentation"].class_colors:
        assert (found.pixels == color).all(axis=-1).any()


def test_refuses_a_way_of_drawing_that_is_not_known(tmp_path):
    run_folders.write(tmp_path, MT, 0, run_folders.figures(0.2, 0.5))
    table = Table("F4", "", (block(),), drawing="watercolour")
    with pytest.raises(
        ValueError, match="drawn as 'watercolour'; expected one of pred"
    ):
        drawn(tmp_path, table)


def test_one_picture_for_a_first_page(tmp_path):
    """A line a task: the image, each row, the truth."""
    for training, tasks in (
        (MT, TASKS),
        (MGM, TASKS),
    ):
        folder = run_folders.write(tmp_path, training, 0, run_folders.figures(0.2, 0.5))
        run_folders.write_report_arrays(folder, tasks)
    runs = find([tmp_path])
    (found,) = assemble({"2": Table("2", "", (block(),))}, runs, names=["2"])["tables"][
        0
    ]["blocks"]
    drawn = picture.of_block(found, runs, ("MT", "MGM"), 1)
    # Five pictures of 8 pixels grow to 160: their colours are in the grid.
    image = runs["rooms-labelled_percent50-mt-seed0"].report_arrays("predictions")
    shown = {tuple(pixel) for pixel in drawn.reshape(-1, 3)}
    assert {tuple(pixel) for pixel in image["image"][1].reshape(-1, 3)} <= shown
    assert drawn.shape[1] > 4 * 160 and drawn.shape[0] > 2 * 160
    with pytest.raises(ValueError, match="ST: expected a finished run with predictio"):
        picture.of_block(found, runs, (), 0)
    with pytest.raises(ValueError, match="image 2 was not kept; expected 0 to 1"):
        picture.of_block(found, runs, ("MT",), 2)
