"""The audit's parts: counts and statistics by hand, the page, real frames."""

import csv
import functools
import html.parser
import itertools
import json
import pathlib
import re

import numpy as np
import pytest
from PIL import Image

from datasets import metadata, plausibility
from mgm_tf.data import audit
from mgm_tf.data.audit import alignment, duplicates, values
from mgm_tf.data.audit.report import Finding, Report, some
from tests import audit_data


def names(numbers):
    return [f"n{number}" for number in numbers]


# --- Counting -----------------------------------------------------------------------


def test_values_are_those_of_all_labelled_pixels():
    random = np.random.default_rng(0)
    raw = random.integers(0, 9000, (7, 5, 5, 1)).astype(np.uint16)
    raw[0, :2] = 0  # not labelled
    maps = values.Maps(metadata.depth_info())
    for part in np.split(raw, [2, 3]):
        maps.add(np.arange(len(part)), part)
    found = maps.result(names)
    metres = np.sort(raw[raw > 0] / 1000)
    assert found["images"] == 7
    assert found["ignored"] == pytest.approx(1 - metres.size / raw.size)
    (value,) = found["values"]
    # numpy's "inverted_cdf" is the definition: the smallest value not below the share.
    wanted = np.percentile(metres, (1, 50, 99), method="inverted_cdf")
    assert (value["p1"], value["median"], value["p99"]) == pytest.approx(tuple(wanted))
    assert value["mean"] == pytest.approx(metres.mean())
    assert (value["min"], value["max"]) == pytest.approx((metres[0], metres[-1]))


def test_classes_are_counted_by_pixels_and_by_images():
    info = metadata.segmentation_info(("a", "b", "c"), ((0, 0, 0),) * 3)
    raw = np.array([[[0, 0], [1, 255]], [[1, 1], [1, 1]], [[255] * 2] * 2], np.uint8)
    maps = values.Maps(info)
    maps.add(np.arange(3), raw[..., None])
    found = maps.result(names)
    assert found["classes"] == {"pixels": [2, 5, 0], "images": [1, 2, 0]}
    assert found["images"] == 2
    assert found["ignored"] == 1 / 8  # of the two images that have labels
    assert found["constant"] == {"count": 1, "names": ["n1"]}


def test_a_histogram_has_all_pixels_between_its_ends():
    maps = values.Maps(metadata.depth_info())
    maps.add(np.arange(1), np.arange(1, 101, dtype=np.uint16).reshape(1, 10, 10, 1))
    (bars,) = maps.result(names)["histograms"]
    assert (bars["low"], bars["high"]) == pytest.approx((0.001, 0.099))
    assert sum(bars["pixels"]) == 99
    assert len(bars["pixels"]) == values.BARS


def test_only_the_first_examples_are_named():
    tally = values.Tally()
    for start in range(0, 100, 7):
        tally.add(np.arange(start, min(start + 7, 100)))
    assert tally.result(names) == {"count": 100, "names": names(range(20))}


# --- Duplicates ---------------------------------------------------------------------


def test_near_pairs_are_those_of_all_pairs():
    random = np.random.default_rng(0)
    bits = random.integers(0, 2, (300, duplicates.BITS), np.uint8)
    for number, flips in ((10, 0), (11, 1), (12, 7), (13, 11), (14, 60)):
        bits[number] = bits[200 + number]
        bits[number, random.permutation(duplicates.BITS)[:flips]] ^= 1
    filled = np.pad(bits, ((0, 0), (0, 64 * duplicates.WORDS - bits.shape[1])))
    found = duplicates.near_pairs(np.packbits(filled, axis=1).view(np.uint64))
    near = {
        (a, b): int((bits[a] != bits[b]).sum())
        for a, b in itertools.combinations(range(300), 2)
        if (bits[a] != bits[b]).sum() <= duplicates.NEAR
    }
    keys = zip(found.first.tolist(), found.second.tolist(), strict=True)
    assert dict(zip(keys, found.distance.tolist(), strict=True)) == near
    assert sorted(near.values()) == [0, 1, 7, 11]


def test_a_crowd_is_left_out_and_counted(monkeypatch):
    monkeypatch.setattr(duplicates, "LARGEST_BUCKET", 2)
    found = duplicates.near_pairs(np.zeros((5, 3), np.uint64))
    # Neighbours at 1 and 2: four and three pairs; in each band two more stay.
    assert len(found.first) == 7
    assert found.skipped == 2 * duplicates.BANDS


def test_a_fingerprint_does_not_see_brightness():
    random = np.random.default_rng(0)
    images = random.integers(0, 120, (4, 40, 40, 3)).astype(np.uint8)
    prints = duplicates.fingerprints(images)
    np.testing.assert_array_equal(prints, duplicates.fingerprints(images + 30))
    np.testing.assert_array_equal(prints, duplicates.fingerprints(images * 2))
    assert len(np.unique(prints[:, 0])) == 4


def test_groups_are_what_occurs_more_than_once():
    digests = np.array([5, 3, 5, 7, 3, 5, 1], np.uint64)
    groups = [group.tolist() for group in duplicates.groups(digests)]
    assert groups == [[1, 4], [0, 2, 5]]
    assert duplicates.groups(np.zeros(0, np.uint64)) == []


# --- Alignment ----------------------------------------------------------------------


def test_correlation_is_pearsons():
    random = np.random.default_rng(0)
    first, second = random.normal(size=(2, 3, 8, 8)).astype(np.float32)
    known = random.random((3, 8, 8)) < 0.7
    found = alignment.correlation(first, second, known)
    wanted = [
        np.corrcoef(a[k], b[k])[0, 1]
        for a, b, k in zip(first, second, known, strict=True)
    ]
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_correlation_with_what_is_flat_or_unknown_is_none():
    first = np.arange(64.0).reshape(1, 8, 8).repeat(3, axis=0)
    second = first.copy()
    second[1] = 4
    known = np.ones((3, 8, 8), bool)
    known[2] = False
    found = alignment.correlation(first, second, known)
    np.testing.assert_allclose(found, [1, np.nan, np.nan])


def test_t_is_students():
    # Mean 2, standard deviation 1, three values: t = 2 / (1 / sqrt 3).
    values = np.array([1.0, np.nan, 2.0, 3.0])
    assert alignment.t_value(values) == pytest.approx(2 * 3**0.5)
    assert np.isnan(alignment.t_value(np.array([1.0, np.nan])))


@pytest.mark.parametrize("lean", [(0.5, 0.0), (-0.5, 0.0), (0.0, 0.5), (0.4, -0.4)])
def test_normals_agree_with_the_depth_of_their_plane(lean):
    normal = np.array([*lean, 1.0])
    normal /= np.linalg.norm(normal)
    v, u = 0.5 - np.mgrid[:40, :40] / 40
    depth = 3 / (normal[2] + normal[0] * u - normal[1] * v)
    normals = np.broadcast_to(normal, (40, 40, 3))
    known = np.ones((1, 40, 40), bool)
    found = plausibility.leaning(depth[None], known, normals[None], known)
    found = found.diagonal(axis1=1, axis2=2)
    # An axis along which the plane does not lean says nothing.
    assert np.isfinite(found[0]).tolist() == [part != 0 for part in lean]
    assert np.nanmin(found) > 0.9
    away = plausibility.leaning(depth[None], known, -normals[None], known)
    np.testing.assert_array_equal(away.diagonal(axis1=1, axis2=2), -found)


# --- The report ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def report():
    spoilt = audit_data.change_of("segmentation", lambda maps: maps[:, :, ::-1])
    splits = audit_data.splits(spoilt)
    damaged = [{"name": "<b>&", "file": "a.png", "reason": "truncated"}]
    return audit.audit(splits, damaged=damaged, progress=False)


class Page(html.parser.HTMLParser):
    """Text, tags that are open and addresses of a page."""

    def __init__(self, text):
        super().__init__()
        self.words, self.open, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.addresses += [v for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "img", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag != "rect":
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_needs_nothing_else_and_says_everything(report, tmp_path):
    path = audit.write(report, tmp_path / "deep" / "audit")
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert not page.open
    anchors = set(re.findall(r'id="([^"]*)"', text))
    for address in page.addresses:
        inside = address.startswith("#") and address[1:] in anchors
        assert inside or address.startswith("data:image/png;base64,")
    assert "url(" not in text and "<script" not in text
    words = "".join(page.words)
    for finding in report.findings:
        assert finding.message in words
    assert len(report.findings) >= 2
    assert "<b>&" in words  # of the damaged file, escaped
    pictures = sum(address.startswith("data:") for address in page.addresses)
    # 24 and 12 examples of image, borders and four tasks.
    assert pictures == (24 + 12) * 6


def test_the_record_is_json(report, tmp_path):
    audit.write(report, tmp_path)
    record = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert record["findings"][0]["level"] == "error"
    assert set(record["splits"]) == {"train", "validation"}
    assert record["tasks"]["segmentation"]["classes"][1] == {
        "name": "box",
        "color": [60, 180, 60],
    }
    assert sum(record["splits"]["train"]["labels"]["counts"]) == 40


def test_a_number_that_is_none_is_null_in_json():
    broken = Report({"splits": {}, "a": [float("nan"), 1.0]}, ())
    assert broken.as_json()["a"] == [None, 1.0]


def test_the_summary_has_every_task_and_finding(report):
    lines = audit.summary(report).splitlines()
    assert lines[0].split() == [
        "split",
        "images",
        "task",
        "labelled",
        "ignored",
        "values",
    ]
    assert lines[1].split()[:5] == ["train", "40", "of", "40", "segmentation"]
    assert lines[2].split()[:3] == ["depth", "40", "4.2%"]
    assert len(lines) == 1 + 2 * 4 + len(report.findings)
    assert lines[9].startswith("error: alignment: train: labels of segmentation look")


def test_all_errors_are_raised_at_once():
    findings = (Finding("error", "a", "one"), Finding("error", "b", "two"))
    with pytest.raises(ValueError, match="a: one\n  b: two$"):
        Report({}, (*findings, Finding("warning", "c", "three"))).refuse()
    Report({}, (Finding("warning", "c", "three"),)).refuse()


def test_long_lists_are_cut():
    assert some(["a", "b"]) == "a, b"
    assert some(list("abcdefgh")) == "a, b, c, d, e and 3 more"
    assert some(["a", "b"], 30) == "a, b and 28 more"


# --- Real frames --------------------------------------------------------------------


@pytest.fixture
def frames(real_data):
    """48 frames of NYUv2 at 64 pixels: image, classes and depth."""
    return read_frames(real_data / "nyuv2")


@functools.cache
def read_frames(folder: pathlib.Path):
    with (folder / "frames.csv").open() as file:
        # Not neighbours: those show the same room.
        chosen = [row["frame"] for row in csv.DictReader(file)][::16][:48]

    def read(kind, suffix, how):
        paths = [folder / kind / f"{name}.{suffix}" for name in chosen]
        images = [Image.open(path).resize((64, 64), how) for path in paths]
        return np.stack([np.asarray(image) for image in images])

    labels = read("labels40", "png", Image.Resampling.NEAREST)
    depth = (read("depth", "png", Image.Resampling.NEAREST) + 0.5) / 25.5
    return {
        "image": read("rgb", "jpg", Image.Resampling.BOX),
        "scene": np.zeros(48, np.int32),
        "segmentation": np.where(labels == 39, 255, labels).astype(np.uint8)[..., None],
        "depth": np.round(depth * 1000).astype(np.uint16)[..., None],
    }


CLASSES = tuple(f"class {number}" for number in range(39))
NYU = metadata.DataInfo(
    image_size=64,
    tasks={
        "segmentation": metadata.segmentation_info(CLASSES, ((0, 0, 0),) * 39),
        "depth": metadata.depth_info(),
    },
    scene_names=("room",),
)


def real_errors(frames, **changes):
    split = audit_data.Split("train", frames | changes, NYU)
    return [one.message for one in audit.audit({"train": split}, progress=False).errors]


def test_real_frames_give_no_error(frames):
    assert real_errors(frames) == []


@pytest.mark.parametrize("task", ["segmentation", "depth"])
def test_nonsense_of_real_frames_is_found(frames, task):
    maps = frames[task]
    (error,) = real_errors(frames, **{task: maps[:, :, ::-1]})
    assert f"labels of {task} look mirrored left to right" in error
    (error,) = real_errors(frames, **{task: np.roll(maps, 7, axis=0)})
    assert f"labels of {task} do not belong to these images" in error


def test_a_wrong_unit_of_real_frames_is_found(frames):
    (error,) = real_errors(frames, depth=np.maximum(frames["depth"] // 1000, 1))
    assert "metres stored as millimetres" in error


def test_no_images_have_no_near_duplicates():
    nothing = np.zeros((0, duplicates.WORDS), np.uint64)
    found = duplicates.near_pairs(nothing)
    assert len(found.first) == len(found.second) == found.skipped == 0
