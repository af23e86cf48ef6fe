"""What was tried beside a row, by validation at its best step."""

import pytest

from mgm_tf.experiments.registry.records import Training
from mgm_tf.experiments.report import assemble, find, parts
from mgm_tf.experiments.report.levers import best_of_the_last_stage
from mgm_tf.experiments.report.runs import Run
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import MGM, figures, validation
from tests.experiments.report.test_assemble import TABLES

WIDER = Training(("mgm",), (("gan_width", "0.5"),))
BOTH = Training(("mgm",), (("gan_width", "0.5"), ("optimizers", "per_update")))


def block_of(root):
    blocks = assemble(TABLES, find([root]), names=["2"])["tables"][0]["blocks"]
    (block,) = [block for block in blocks if block["levers"]]
    return block


def test_a_variation_is_compared_at_the_best_step_by_seed(tmp_path):
    for seed in range(3):
        low = [(10, 0.30 + 0.01 * seed), (20, 0.25)]
        run_folders.write(tmp_path, MGM, seed, figures(0.2, 0.5), log=validation(low))
        high = [(10, 0.1), (20, 0.32 + 0.02 * seed)]
        run_folders.write(tmp_path, WIDER, seed, log=validation(high))
    own, wider = block_of(tmp_path)["levers"]
    assert (own["row"], own["flags"], own["varies"]) == ("MGM", "", False)
    assert wider["flags"] == "--gan_width=0.5" and wider["varies"]
    score = wider["values"]["validation/score"]
    assert score["mean"] == pytest.approx(0.34) and score["n"] == 3
    # The headline is 1 - score at that step.
    assert wider["values"]["depth"]["mean"] == pytest.approx(0.66)
    assert wider["values"]["segmentation"] is None
    # Gains of .02, .03 and .04: t = 3 sqrt(3), p = 1 - sqrt(27 / 29).
    assert wider["against"]["gain"] == pytest.approx(0.03)
    assert wider["against"]["test"]["p"] == pytest.approx(1 - (27 / 29) ** 0.5)


def test_without_the_row_itself_the_shared_settings_are_varied(tmp_path):
    for training, score in ((WIDER, 0.3), (BOTH, 0.2)):
        log = validation([(10, score)])
        run_folders.write(tmp_path, training, 0, dataset="nyuv2", log=log)
    base, other = block_of(tmp_path)["levers"]
    assert base["flags"] == "--gan_width=0.5" and not base["varies"]
    assert other["flags"] == "--optimizers=per_update"
    assert other["against"]["gain"] == pytest.approx(-0.1)
    assert other["against"]["test"] is None and other["against"]["seeds"] == 1


def test_tries_are_shown_and_are_not_called_unused(tmp_path):
    run_folders.write(tmp_path, MGM, 0, figures(0.2, 0.5), log=validation([(9, 0.3)]))
    run_folders.write(tmp_path, WIDER, 0, log=validation([(9, 0.31)]))
    record = assemble(TABLES, find([tmp_path]), names=["2"])
    assert record["runs"]["unused"] == record["runs"]["unfinished"] == []
    text = parts(record)["tried 2"]
    assert "| MGM | --gan\\_width=0.5 | 0.310 (1) |" in text and "+0.010" in text
    assert "| **MGM** | as the row is | 0.300 (1) |" in text


def test_only_the_last_stage_counts(tmp_path):
    log = [
        {"step": 5, "stage": "multi_task", "validation/score": 0.9},
        {"step": 9, "stage": "joint", "validation/score": 0.2},
        {"step": 12, "stage": "joint", "validation/score": 0.1},
    ]
    run = Run(run_folders.write(tmp_path, MGM, 0, log=log))
    assert best_of_the_last_stage(run)["step"] == 9
    assert best_of_the_last_stage(Run(run_folders.write(tmp_path, MGM, 1))) is None
