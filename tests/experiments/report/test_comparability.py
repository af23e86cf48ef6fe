"""What may be averaged, and how a refusal reads."""

import pytest

from mgm_tf.experiments.report import comparability
from mgm_tf.experiments.report.runs import Run
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import MGM, MT, figures

NAMES = [f"rooms-labelled_percent50-mt-seed{seed}" for seed in range(3)]


@pytest.fixture
def seeds(tmp_path):
    """Runs of three seeds, of which the second one or the last is changed."""

    def make(**changes):
        made = {
            seed: run_folders.write(tmp_path, MT, seed, figures(0.2, 0.5), **change)
            for seed, change in {0: {}, 1: {}, 2: changes}.items()
        }
        return {seed: Run(folder) for seed, folder in made.items()}

    return make


def test_seeds_of_one_setting_may_be_averaged(seeds):
    assert comparability.across_seeds(seeds()) == comparability.Verdict()
    assert comparability.across_seeds({}) == comparability.Verdict()


def test_a_refusal_names_the_setting_and_the_runs(seeds):
    runs = seeds(settings={"network": {"width": 1.0}})
    verdict = comparability.across_seeds(runs)
    assert verdict.refusals == (
        f"--width: 0.25 in {NAMES[0]} and {NAMES[1]}, 1.0 in {NAMES[2]}",
    )


def test_a_setting_that_one_run_does_not_have(seeds):
    (line,) = comparability.across_seeds(seeds(settings={"data": {"new": ""}})).refusals
    assert line == (
        f"--new: not there in {NAMES[0]} and {NAMES[1]}, nothing in {NAMES[2]}"
    )


def test_a_run_from_before_a_setting_did_what_it_stands_for(seeds):
    # It learned of labelled images, as there was nothing else.
    method = {"weak": "synthetic"}
    alike = seeds(settings={"method": {"gan_images": "labelled", **method}})
    assert not [
        line
        for line in comparability.across_seeds(alike).refusals
        if line.startswith("--gan_images")
    ]
    other = seeds(settings={"method": {"gan_images": "weak", **method}})
    (line,) = (
        line
        for line in comparability.across_seeds(other).refusals
        if line.startswith("--gan_images")
    )
    assert line == (
        f"--gan_images: labelled in {NAMES[0]} and {NAMES[1]}, weak in {NAMES[2]}"
    )


def test_settings_that_change_nothing_may_differ(seeds):
    policies = {"schedule": {"policy_length": "5steps"}}
    shared = policies | {"network": {"sharing": "hard"}}
    found = comparability.across_seeds(seeds(settings=shared)).refusals
    assert not any("policy_length" in line for line in found)
    adashare = policies | {"network": {"sharing": "adashare"}}
    found = comparability.across_seeds(seeds(settings=adashare)).refusals
    assert any("--policy_length" in line for line in found)


def test_changeable_settings_may_differ(seeds):
    runs = seeds(settings={"run": {"log_every": 5}})
    assert comparability.across_seeds(runs, {"log_every"}).refusals == ()
    assert "--log_every" in comparability.across_seeds(runs).refusals[0]


def test_the_seed_is_the_one_in_the_name(seeds):
    verdict = comparability.across_seeds(seeds(settings={"run": {"seed": 1}}))
    assert verdict.refusals == (f"--seed: 1 in {NAMES[2]}",)


def test_other_data_are_refused(seeds):
    verdict = comparability.across_seeds(
        seeds(start={"data": {"fingerprint": "f" * 64}})
    )
    assert verdict.refusals == (
        f"data: rooms/64/1.0.0 (abcdef01) in {NAMES[0]} and {NAMES[1]}, "
        f"rooms/64/1.0.0 (ffffffff) in {NAMES[2]}",
    )


def test_another_evaluation_is_refused(seeds):
    runs = seeds()
    runs[1].result["checkpoint"] = "last"
    (line,) = comparability.across_seeds(runs).refusals
    assert line.startswith(
        f"evaluated checkpoint: best_of_joint in {NAMES[0]} and {NAMES[2]}, "
    )


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (
            {"code": {"commit": "d" * 40}},
            f"commit: c0ffeec0ff in {NAMES[0]} and {NAMES[1]}, "
            f"dddddddddd in {NAMES[2]}",
        ),
        (
            {"code": {"modified": True}},
            f"code changed after its commit in {NAMES[2]}",
        ),
        (
            {"machine": {"keras": "3.16.0"}},
            f"keras: 3.15.0 in {NAMES[0]} and {NAMES[1]}, 3.16.0 in {NAMES[2]}",
        ),
        ({"data": {"fingerprint": ""}}, f"no record of the data of {NAMES[2]}"),
    ],
)
def test_code_and_versions_are_warnings(seeds, start, expected):
    verdict = comparability.across_seeds(seeds(start=start))
    assert verdict.refusals == () and verdict.warnings == (expected,)


def source(width, seed, flag="start_from"):
    settings = {"width": width, "seed": seed, "start_from": f"runs/{seed}"}
    return {"flag": flag, "name": f"st-seed{seed}", "settings": {"network": settings}}


def with_sources(tmp_path, sources, folders="runs/a"):
    made = {
        seed: run_folders.write(
            tmp_path,
            MT,
            seed,
            figures(0.2, 0.5),
            settings={"schedule": {"start_from": f"{folders}{seed}"}},
            start={"sources": each},
        )
        for seed, each in enumerate(sources)
    }
    return {seed: Run(folder) for seed, folder in made.items()}


def test_sources_are_compared_by_their_settings_not_their_names(tmp_path):
    runs = with_sources(tmp_path, [[source(0.25, 0)], [source(0.25, 1)]])
    assert comparability.across_seeds(runs) == comparability.Verdict()
    runs = with_sources(tmp_path, [[source(0.25, 0)], [source(1.0, 1)]])
    assert comparability.across_seeds(runs).refusals == (
        f"--start_from, run 1: --width: 0.25 in {NAMES[0]}, 1.0 in {NAMES[1]}",
    )


def test_sources_are_as_many_and_of_the_same_seed(tmp_path):
    runs = with_sources(tmp_path, [[source(1, 0), source(1, 0)], [source(1, 1)]])
    assert comparability.across_seeds(runs).refusals == (
        f"--start_from, runs: 2 in {NAMES[0]}, 1 in {NAMES[1]}",
    )
    runs = with_sources(tmp_path, [[source(1, 0)], [source(1, 0)]])
    (line,) = comparability.across_seeds(runs).warnings
    assert line == f"--start_from of {NAMES[1]} is of seed 0"


def test_sources_that_are_not_recorded_are_told(tmp_path):
    runs = with_sources(tmp_path, [[], []])
    (line,) = comparability.across_seeds(runs).warnings
    assert line == f"--start_from of {NAMES[0]} and {NAMES[1]}: no record of it"


def test_rows_of_a_block_are_of_the_same_data(tmp_path):
    start = {"data": {"fingerprint": "f" * 64}, "code": {"commit": "d" * 40}}
    rows = {
        "MT": [Run(run_folders.write(tmp_path, MT, 0, figures(0.2, 0.5)))],
        "MGM": [Run(run_folders.write(tmp_path, MGM, 0, start=start))],
    }
    verdict = comparability.across_rows(rows)
    assert verdict.refusals == (
        "data: rooms/64/1.0.0 (abcdef01) in MT, rooms/64/1.0.0 (ffffffff) in MGM",
    )
    assert verdict.warnings == ("commit: c0ffeec0ff in MT, dddddddddd in MGM",)


def test_rows_of_a_block_are_of_one_size(tmp_path):
    small, large = (
        Run(
            run_folders.write(tmp_path, training, 0, settings={"network": {"width": w}})
        )
        for training, w in ((MT, 0.25), (MGM, 1.0))
    )
    verdict = comparability.across_rows({"MT": [small], "MGM": [large]})
    assert verdict.warnings == ("--width: 0.25 in MT, 1.0 in MGM",)


def test_long_lists_of_runs_are_cut(tmp_path):
    runs = {
        seed: Run(
            run_folders.write(
                tmp_path, MT, seed, settings={"network": {"width": float(seed > 5)}}
            )
        )
        for seed in range(7)
    }
    (line,) = comparability.across_seeds(runs).refusals
    assert "-seed3 and 2 more, 1.0 in" in line


WEIGHTS = {"name": "resnet18.safetensors", "bytes": 9, "sha256": "feedbeef" * 8}


def test_a_pretrained_encoder_is_never_averaged_with_others(seeds):
    flag = {"source": {"pretrained": "weights/resnet18.safetensors"}}
    runs = seeds(settings=flag, start={"pretrained": WEIGHTS})
    expected = (
        f"pretrained encoder: random weights in {NAMES[0]} and {NAMES[1]}, "
        f"resnet18.safetensors (feedbeef) in {NAMES[2]}"
    )
    assert comparability.across_seeds(runs).refusals == (expected,)
    rows = {"MT": [runs[0]], "MT, pretrained": [runs[2]]}
    (line,) = comparability.across_rows(rows).warnings
    assert line == (
        "pretrained encoder: random weights in MT, resnet18.safetensors (feedbeef) in "
        "MT, pretrained"
    )


def test_weights_are_the_same_wherever_they_lie(tmp_path):
    runs = {}
    for seed, place in enumerate(("a", "b")):
        folder = run_folders.write(
            tmp_path,
            MT,
            seed,
            figures(0.2, 0.5),
            settings={"source": {"pretrained": f"{place}/resnet18.safetensors"}},
            start={"pretrained": WEIGHTS},
        )
        runs[seed] = Run(folder)
    assert comparability.across_seeds(runs) == comparability.Verdict()
