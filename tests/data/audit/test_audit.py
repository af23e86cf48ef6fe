"""The audit: silent on sound data, and every kind of nonsense is found and named."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from datasets.metadata import TaskInfo
from mgm_tf.data import audit
from mgm_tf.data.splits import Split
from mgm_tf.errors import DamagedExample
from tests import audit_data, fake_dataset
from tests.audit_data import INFO, change_of


def report_of(change=None, **options):
    return audit.audit(audit_data.splits(change, **options), progress=False)


def only(report, level, check):
    """The one finding there is."""
    assert [(one.level, one.check) for one in report.findings] == [(level, check)]
    return report.findings[0].message


def test_sound_data_give_no_finding():
    report = report_of()
    assert report.findings == ()
    report.refuse()
    assert set(report.record["splits"]) == {"train", "validation"}


def test_the_report_is_a_function_of_the_data():
    splits = audit_data.splits(count=10)
    first, second = (audit.audit(splits, progress=False) for _ in range(2))
    assert first.as_json() == second.as_json()


# --- Label maps ---------------------------------------------------------------------


@pytest.mark.parametrize("task", ["segmentation", "depth", "normals", "edges"])
def test_constant_maps_are_refused(task):
    value = INFO.tasks[task].raw_range[0] + 1500 * (task != "segmentation")
    report = report_of(change_of(task, lambda maps: np.full_like(maps, value)))
    wanted = f"train: 40 of 40 maps of {task} have one value only, e.g. train_0"
    assert any(wanted in one.message for one in report.errors)
    with pytest.raises(ValueError, match="(?s)cannot be trained on.*" + wanted):
        report.refuse()


def test_a_few_constant_maps_are_named():
    def change(maps):
        maps = maps.copy()
        maps[[3, 17]] = 1
        return maps

    message = only(
        report_of(change_of("segmentation", change)), "warning", "constant maps"
    )
    assert "segmentation of train_3, train_17" in message


def test_the_same_map_for_all_images_is_refused():
    report = report_of(change_of("depth", lambda maps: maps[:1].repeat(40, axis=0)))
    assert "the same map of depth stands 40 times in 40" in report.errors[0].message


def test_a_task_without_any_label_is_refused_in_training():
    report = report_of(change_of("depth", np.zeros_like))
    message = only(report, "error", "no labels")
    assert "train: no pixel of depth is labelled in 40 images" in message
    with pytest.raises(ValueError, match="no pixel of depth"):
        audit.check(audit_data.splits(change_of("depth", np.zeros_like)), most=16)


def test_a_task_without_any_label_elsewhere_is_a_warning():
    unlabelled = audit_data.data(12, seed=2)
    unlabelled["depth"][:] = 0
    message = only(report_of(test=unlabelled), "warning", "no labels")
    assert message.startswith("test: no pixel of depth")
    # The weak set has image labels and no maps.
    assert not report_of(weak=unlabelled).findings


def test_a_sample_without_a_label_is_no_proof():
    def change(maps):
        rare = np.zeros_like(maps)
        rare[5] = maps[5]
        return rare

    report = audit.audit(
        audit_data.splits(change_of("depth", change)), most=4, progress=False
    )
    assert report.record["splits"]["train"]["tasks"]["depth"]["beyond"] == 1
    assert not report.findings


def test_ignored_pixels_are_counted():
    found = report_of().record["splits"]["train"]["tasks"]
    assert found["segmentation"]["ignored"] == pytest.approx(2 / audit_data.SIZE)
    assert found["normals"]["ignored"] == 0

    def change(maps):
        maps = maps.copy()
        maps[:, :, 4:] = 255
        return maps

    report = report_of(change_of("segmentation", change))
    wanted = "train: 95.8% of the pixels of segmentation have no label."
    assert wanted in [one.message for one in report.warnings]


# --- Values -------------------------------------------------------------------------


def test_metres_stored_as_millimetres_are_refused():
    report = report_of(change_of("depth", lambda raw: np.maximum(raw // 1000, 1)))
    message = report.errors[0].message
    assert "train: depth has a median of 0.004 m, below 0.1: another unit" in message
    assert "metres stored as millimetres" in message


def test_millimetres_stored_as_metres_are_refused():
    depth = TaskInfo(name="depth", unit="m", scale=1.0)
    info = dataclasses.replace(INFO, tasks={**INFO.tasks, "depth": depth})
    report = report_of(info=info)
    levels = {one.message.split(":")[0] for one in report.errors}
    assert levels == {"train", "validation"}
    assert all("above 200: another unit" in one.message for one in report.errors)


def test_depth_at_the_end_of_what_can_be_stored_is_refused():
    def change(raw):
        return np.where(raw < 3500, raw, 65535).astype(raw.dtype)

    report = report_of(change_of("depth", change))
    share = (audit_data.data(40)["depth"] >= 3500).sum() / (46 * 48 * 40)
    wanted = f"largest that can be stored in {share:.2%} of the pixels, {65.535:.4g} m"
    assert any(wanted in one.message for one in report.errors)


def test_normals_that_point_away_are_refused():
    def away(raw):
        return np.where([False, False, True], 65536 - raw.astype(int), raw).astype(
            raw.dtype
        )

    message = only(report_of(change_of("normals", away)), "error", "values")
    assert "normals face away from the camera in 99." in message


@pytest.mark.parametrize(("channel", "axis"), list(enumerate("xy")))
def test_normals_of_the_wrong_sign_are_refused(channel, axis):
    def flipped(raw):
        raw = raw.copy()
        raw[..., channel] = 65536 - raw[..., channel].astype(int)
        return raw

    message = only(report_of(change_of("normals", flipped)), "error", "alignment")
    assert f"normals have the wrong sign in {axis}: depth leans" in message


def test_vectors_that_are_no_unit_vectors_are_refused():
    def halved(raw):
        return ((raw.astype(int) - 32768) // 2 + 32768).astype(raw.dtype)

    message = only(report_of(change_of("normals", halved)), "error", "values")
    assert "normals are no unit vectors in 100.0% of the pixels" in message


def test_numbers_outside_the_unit_interval_are_refused():
    edges = TaskInfo(name="edges", scale=1 / 255, offset=-1 / 255)
    info = dataclasses.replace(INFO, tasks={**INFO.tasks, "edges": edges})
    report = report_of(info=info)
    assert all("edges must be in 0..1, and is 0 to" in e.message for e in report.errors)
    assert len(report.errors) == 2


def test_eight_bits_read_as_sixteen_are_noticed():
    report = report_of(
        change_of("edges", lambda raw: (raw // 256 + 1).astype("uint16"))
    )
    message = [one.message for one in report.warnings if one.check == "values"]
    assert "train: edges is at most 0.00" in message[0]


def test_numbers_that_are_no_class_are_refused():
    def change(raw):
        raw = raw.copy()
        raw[0, 10:13, 10:20] = 9
        return raw

    message = only(
        report_of(change_of("segmentation", change)), "error", "class numbers"
    )
    assert f"{30 / (46 * 48 * 40):.2%} of the labelled pixels" in message
    assert "none of the 4 classes" in message


def test_classes_without_examples_are_named():
    def change(raw):
        return np.where(raw == 2, np.uint8(3), raw)

    message = only(
        report_of(change_of("segmentation", change)),
        "warning",
        "classes without examples",
    )
    assert message == "train: no pixel of segmentation is rug (1 of 4 classes)."


# --- Alignment ----------------------------------------------------------------------

ARRANGED = {
    "mirrored left to right": lambda maps: maps[:, :, ::-1],
    "upside down": lambda maps: maps[:, ::-1],
    "turned by 180 degrees": lambda maps: maps[:, ::-1, ::-1],
    "transposed": lambda maps: maps.transpose(0, 2, 1, 3),
}


@pytest.mark.parametrize("task", ["segmentation", "depth", "normals", "edges"])
@pytest.mark.parametrize("how", ARRANGED)
def test_labels_that_lie_otherwise_than_their_images_are_refused(task, how):
    report = report_of(change_of(task, ARRANGED[how]))
    errors = [one.message for one in report.errors]
    assert any(f"train: labels of {task} look {how}" in text for text in errors)
    assert not any("validation" in text for text in errors)


@pytest.mark.parametrize("task", ["segmentation", "depth", "normals", "edges"])
def test_labels_of_other_images_are_refused(task):
    report = report_of(change_of(task, lambda maps: np.roll(maps, 5, axis=0)))
    wanted = f"train: labels of {task} do not belong to these images"
    assert any(wanted in one.message for one in report.errors)


def test_labels_of_other_images_are_doubted_where_there_are_few():
    change = change_of("segmentation", lambda maps: np.roll(maps, 5, axis=0))
    report = report_of(change, count=20)
    assert not report.errors
    assert "may not belong" in only(report, "warning", "alignment")


def test_images_that_are_all_alike_are_no_other_images():
    # One view seen by a camera with some noise: every label map fits every image.
    def change(whole):
        random = np.random.default_rng(0)
        noise = random.normal(0, 2, whole["image"].shape)
        image = np.clip(whole["image"][:1] + noise, 0, 255).astype(np.uint8)
        return {
            "image": image,
            "depth": whole["depth"][:1] + noise[..., :1].astype(int),
        }

    report = report_of(
        lambda whole: {
            key: value.astype(whole[key].dtype) for key, value in change(whole).items()
        }
    )
    fit = report.record["splits"]["train"]["tasks"]["depth"]["alignment"]
    assert fit["images"] == 0
    assert not [
        one
        for one in report.findings
        if one.message.startswith("train: labels of depth")
    ]


# --- Images and their labels --------------------------------------------------------


def test_an_image_of_two_splits_is_refused():
    train = audit_data.data(40)
    leaked = audit_data.data(12, seed=3)
    for key in leaked:
        leaked[key][4] = train[key][9]
    message = only(report_of(test=leaked), "error", "leak")
    assert (
        message == "1 images are in more than one split: train/train_9 = test/test_4."
    )


def test_an_image_that_comes_again_is_noticed():
    def change(whole):
        again = np.arange(40)
        again[[20, 21]] = 3
        return {key: value[again] for key, value in whole.items()}

    message = only(report_of(change), "warning", "duplicates")
    assert "train/train_3 = train/train_20 = train/train_21" in message


@pytest.mark.parametrize("how", ["JPEG", "brighter"])
def test_an_image_that_looks_the_same_is_noticed(how):
    def compressed(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=80)
        return np.asarray(Image.open(file))

    def brighter(image):
        return (image * 0.8 + 20).astype(np.uint8)

    train = audit_data.data(40)
    near = audit_data.data(12, seed=3)
    change = {"JPEG": compressed, "brighter": brighter}[how]
    near["image"][7] = change(train["image"][30])
    near["segmentation"][7] = train["segmentation"][30]
    report = report_of(test=near)
    text = "1 pairs of images of different splits look the same: train/train_30 = "
    assert text + "test/test_7." in [one.message for one in report.warnings]
    assert report.record["duplicates"]["near_across"]["pairs"][0]["distance"] <= 14


def test_images_of_one_colour_are_found():
    def some_black(whole):
        image = whole["image"].copy()
        image[[2, 5]] = 0
        return {"image": image}

    message = only(report_of(some_black), "warning", "images")
    assert message == "train: of one colour: train_2, train_5."
    report = report_of(lambda whole: {"image": np.zeros_like(whole["image"])})
    assert only(report, "error", "images").startswith("train: 40 of 40 images")


def test_image_labels_are_counted_and_their_lack_is_noticed():
    def change(whole):
        return {"scene": np.where(np.arange(40) < 3, -1, 0).astype(np.int32)}

    report = report_of(change)
    labels = report.record["splits"]["train"]["labels"]
    assert labels["counts"] == [37, 0]
    messages = [one.message for one in report.warnings]
    assert messages == [
        "train: 3 of 40 images have no image label: train_0, train_1, train_2.",
        "train: no image of cellar (1 of 2).",
    ]


def test_impossible_image_labels_are_refused():
    scene = np.r_[np.zeros(38), 2, -2].astype(np.int32)
    report = report_of(lambda whole: {"scene": scene})
    wanted = "train: image labels that are none of 2 classes: train_38, train_39."
    assert [one.message for one in report.errors] == [wanted]


def test_label_vectors_are_counted():
    info = dataclasses.replace(INFO, label_kind="multi_hot")
    train, validation = audit_data.data(40), audit_data.data(12, seed=1)
    train["scene"] = np.tile([1, 1], (40, 1)).astype(np.int32)
    train["scene"][:10, 1] = 0
    train["scene"][39] = 0
    validation["scene"] = np.tile([0, 2], (12, 1)).astype(np.int32)
    report = report_of(lambda whole: train, info=info, validation=validation)
    labels = report.record["splits"]["train"]["labels"]
    assert labels["counts"] == [39, 29]
    assert labels["unknown"] == {"count": 1, "names": ["train_39"]}
    assert report.errors[0].message.startswith("validation: image labels that are none")


def test_damaged_files_are_told():
    damaged = [{"name": "a", "file": "a.png", "reason": "truncated"}]
    report = audit.audit(audit_data.splits(), damaged=damaged, progress=False)
    message = only(report, "warning", "damaged")
    assert "1 examples were left out at building: a (a.png: truncated)" in message
    assert report.record["damaged"] == damaged


def test_stored_examples_that_cannot_be_read_are_refused_and_the_others_counted():
    class Broken(audit_data.Split):
        def batch(self, numbers):
            if 7 in numbers.numpy():
                raise DamagedExample("made up, example 7 cannot be read")
            return super().batch(numbers)

    splits = {"train": Broken("train", audit_data.data(40))}
    report = audit.audit(splits, progress=False)
    message = only(report, "error", "damaged")
    assert message == (
        "train: 1 stored examples cannot be read: made up, example 7 cannot be read"
    )
    part = report.record["splits"]["train"]
    assert (part["looked_at"], part["complete"]) == (39, True)
    assert sum(part["labels"]["counts"]) == 39


# --- The short form -----------------------------------------------------------------


def test_check_prints_warnings_and_raises_errors(capsys):
    few = change_of("edges", lambda raw: (raw // 256 + 1).astype("uint16"))
    audit.check(audit_data.splits(few))
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("Data: warning: values: train: edges") for line in lines)
    with pytest.raises(ValueError, match="look mirrored left to right"):
        audit.check(
            audit_data.splits(change_of("depth", ARRANGED["mirrored left to right"]))
        )


def test_check_may_be_told_to_warn_only(capsys):
    mirrored = change_of("depth", ARRANGED["mirrored left to right"])
    report = audit.check(audit_data.splits(mirrored), refuse=False)
    assert report.errors
    told = capsys.readouterr().out
    assert "Data: error: alignment: train: labels of depth look mirrored" in told


def test_check_looks_at_a_sample():
    report = audit.check(audit_data.splits(), most=10)
    train = report.record["splits"]["train"]
    assert (train["looked_at"], train["examples"], train["complete"]) == (10, 40, False)


def test_check_is_content_with_a_built_data_set(tmp_path):
    builder = fake_dataset.build(tmp_path)
    tasks = tuple(fake_dataset.INFO.tasks)
    splits = {name: Split(builder, name, tasks, "disk") for name in ("train", "test")}
    report = audit.check(splits)
    depth = report.record["splits"]["train"]["tasks"]["depth"]
    assert (depth["images"], depth["ignored"]) == (11, pytest.approx(1 / 64))
    assert report.record["splits"]["train"]["labels"]["unknown"]["count"] == 1
