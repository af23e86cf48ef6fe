"""Data that would be learned in silence: the audit tells, and shows where."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from mgm_tf.data import audit
from mgm_tf.data.audit import pictures
from tests import audit_data
from tests.audit_data import change_of

COUNT = 12


def exchanged(channels):
    return change_of("normals", lambda raw: raw[..., channels])


def negated(axis):
    def change(raw):
        raw = raw.copy()
        raw[..., axis] = 65536 - raw[..., axis].astype(int)
        return raw

    return change_of("normals", change)


def marked(raw):
    """Three of a hundred pixels mean that there is no depth; in one map thirty."""
    raw = raw.copy()
    raw[:, :8, :8] = 65535
    raw[4, :27, :26] = 65535
    return raw


CASES = {
    "red and blue exchanged": (exchanged([2, 1, 0]), "face away from the camera in"),
    "towards and up exchanged": (exchanged([0, 2, 1]), "face away from the camera in"),
    "x and y exchanged": (exchanged([1, 0, 2]), "x and y of normals are exchanged"),
    "the other hand": (negated(0), "wrong sign in x"),
    "y down": (negated(1), "wrong sign in y"),
    "z away": (negated(2), "face away from the camera in 99."),
    "65535 for no depth": (change_of("depth", marked), "a number that means that the"),
    "a component of normals": (
        lambda whole: {"depth": (whole["depth"] // 6).clip(1, 1000)},
        "depth is nowhere beyond",
    ),
}


@pytest.fixture(scope="module")
def reports():
    """The reports of all cases, each made once."""
    return {
        name: audit.audit(audit_data.splits(change, COUNT), progress=True)
        for name, (change, _) in CASES.items()
    }


@pytest.mark.parametrize("name", CASES)
def test_what_no_camera_can_see_is_found(reports, name):
    messages = [str(finding) for finding in reports[name].findings]
    assert any(CASES[name][1] in message for message in messages), messages


def test_nothing_is_found_in_labels_that_are_right():
    assert not audit.audit(audit_data.splits(count=COUNT), progress=False).errors


def test_the_worst_example_is_shown_with_what_is_wrong_marked(reports, tmp_path):
    report = reports["65535 for no depth"]
    (finding,) = [each for each in report.errors if each.worst]
    assert finding.worst.number == 4 and "worst in train_4 (" in finding.message
    shown = dict(report.pictures[finding.message])
    assert list(shown) == ["train_4", "depth", "cannot be"]
    wrong = (shown["cannot be"] == pictures.WRONG).all(axis=-1)
    expected = np.zeros((audit_data.SIZE, audit_data.SIZE), bool)
    expected[:27, :26] = True
    np.testing.assert_array_equal(wrong, expected)
    page = audit.write(report, tmp_path).read_text()
    assert f"<figcaption>{finding.message.split(';')[0]}" in page


def test_thumbnails_of_storage_are_no_photographs():
    # A system keeps them beside the photographs, of which they are copies.
    splits = audit_data.splits(count=COUNT)
    train = splits["train"]
    train.data = {key: value.copy() for key, value in train.data.items()}
    train.data["image"][7] = train.data["image"][2]

    @dataclasses.dataclass
    class Named(type(train)):
        def names(self, numbers):
            kept = {7: "beach/@eaDir/2.jpg/SYNOPHOTO_THUMB_S"}
            return [kept.get(int(n), f"beach/{n}") for n in numbers]

    splits["train"] = Named(**vars(train))
    report = audit.audit(splits)
    (finding,) = [each for each in report.errors if each.check == "thumbnails"]
    assert "train/beach/@eaDir/2.jpg" in finding.message
    ((_, picture),) = report.pictures[finding.message]
    np.testing.assert_array_equal(picture, train.data["image"][7])


def test_a_photograph_with_a_hole_is_shown_as_a_decoder_has_it(tmp_path):
    path = tmp_path / "a.jpg"
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :][:200] = bytes(200)
    path.write_bytes(data)
    row = {"name": "a", "file": "rgb/a.jpg", "path": str(path), "reason": "a hole"}
    report = audit.audit(audit_data.splits(count=COUNT), damaged=[row])
    (finding,) = [each for each in report.warnings if each.check == "damaged"]
    ((title, picture),) = report.pictures[finding.message]
    assert title.startswith("rgb/a.jpg") and picture.shape == (64, 64, 3)
