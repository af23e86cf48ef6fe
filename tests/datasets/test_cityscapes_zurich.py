"""The Cityscapes-Zurich builder, on made-up frames in the official layout."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from datasets.cityscapes_zurich import classes, frames
from datasets.cityscapes_zurich.cityscapes_zurich_dataset_builder import Builder
from datasets.metadata import DataInfo
from tests.datasets import builder_case

FRAMES = 6
IMAGES = pathlib.Path("leftImg8bit/train/zurich")
LABELS = pathlib.Path("gtFine/train/zurich")
ROAD, CAR, SKY = 7, 26, 23


def image_of(number):
    return IMAGES / f"zurich_{number:06d}_000019_leftImg8bit.png"


def labels_of(number):
    return LABELS / f"zurich_{number:06d}_000019_gtFine_labelIds.png"


def save(values, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, compress_level=1)


def image(number=0):
    """Sky above a road; the red is ten times the number of the frame."""
    values = np.full((1024, 2048, 3), (10 * number, 40, 200), np.uint8)
    values[512:, :, 2] = 80
    return values


def ids(number=0):
    """A road below; the car of even frames is a single pixel."""
    values = np.full((1024, 2048), SKY, np.uint8)
    values[512:] = ROAD
    values[:, :32] = 3  # out of the region of interest
    values[1000, 1000] = CAR if number % 2 == 0 else ROAD
    return values


def write(folder, number=FRAMES):
    for index in range(number):
        save(image(index), folder / image_of(index))
        save(ids(index), folder / labels_of(index))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cityscapes")
    write(folder)
    return folder


@pytest.fixture
def manual_dir(written, tmp_path):
    """A folder of frames that a test may spoil."""
    folder = tmp_path / "manual"
    shutil.copytree(written, folder)
    return folder


def build(manual_dir, data_dir, config="paper_64"):
    builder = Builder(config=config, data_dir=data_dir)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
    )
    return builder


@pytest.fixture(scope="module")
def builder(written, tmp_path_factory):
    return build(written, tmp_path_factory.mktemp("data"))


def examples(builder):
    """The examples by name."""
    return {
        example["name"].decode(): example
        for split in ("train", "validation", "test")
        for example in builder.as_data_source(split)
    }


class CityscapesZurichTest(
    builder_case.BuilderCase, tfds.testing.DatasetBuilderTestCase
):
    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["paper_64"]
    # 3 frames at least; a fifth of more is for tests.
    SPLITS = {"train": 1, "validation": 1, "test": 1}

    @classmethod
    def write(cls, folder):
        write(folder, 3)


def test_examples(builder):
    found = examples(builder)
    assert sorted(found) == [f"zurich_{k:06d}_000019" for k in range(FRAMES)]
    example = found["zurich_000003_000019"]
    # 1024 x 2048 become 64 x 64: a cell is 16 rows high and 32 columns wide.
    assert example["image"][10, 10].tolist() == [30, 40, 200]
    assert example["image"][40, 10].tolist() == [30, 40, 80]
    maps = example["segmentation"][..., 0]
    assert (maps[:, 0] == 255).all()
    assert (maps[:32, 1:] == classes.CLASS_NAMES.index("sky")).all()
    assert (maps[32:, 1:] == classes.CLASS_NAMES.index("road")).all()


def test_the_label_is_what_is_present_at_full_size(builder):
    found = examples(builder)
    for number in range(FRAMES):
        example = found[f"zurich_{number:06d}_000019"]
        assert example["scene"].shape == (30,) and example["scene"].dtype == np.int32
        present = {"road", "sky"} | ({"car"} if number % 2 == 0 else set())
        names = np.array(classes.CLASS_NAMES)[example["scene"] == 1]
        assert set(names) == present and example["scene"].sum() == len(present)
        # The one pixel is not the one at the centre of its cell.
        assert classes.CLASS_NAMES.index("car") not in example["segmentation"]


def test_metadata_of_the_finished_data(builder):
    again = Builder(config="paper_64", data_dir=builder.data_dir_root)
    info = DataInfo.from_metadata(again.info.metadata)
    assert (info.image_size, info.label_kind) == (64, "multi_hot")
    assert list(info.tasks) == ["segmentation"]
    assert info.scene_names == info.tasks["segmentation"].class_names
    assert len(info.scene_names) == 30
    assert info.notes.startswith("6 of 122 Zurich frames: 4 train, 1 validation, 1 te")
    assert "A part of the data" in info.notes


def test_another_folder_than_the_one_it_was_built_of(builder, written, tmp_path):
    builder.check_source(written)
    builder.check_source(tmp_path / "gone")
    write(tmp_path / "other", 3)
    with pytest.raises(ValueError, match="built of 6 frames, but .*other holds 3"):
        builder.check_source(tmp_path / "other")


def test_as_many_frames_of_other_names_are_others(builder, written, tmp_path):
    other = shutil.copytree(written, tmp_path / "other")
    for path in [*other.rglob("zurich_000003_000019*")]:
        path.rename(path.with_name(path.name.replace("000003_", "000093_")))
    message = "new: zurich_000093_000019; gone: zurich_000003_000019"
    with pytest.raises(ValueError, match=message):
        builder.check_source(other)


def listed(number):
    return [
        frames.Frame(f"{k:04d}", pathlib.Path("a/b.png"), pathlib.Path("a/c.png"))
        for k in range(number)
    ]


def test_the_paper_s_split():
    parts = frames.split(listed(122))
    assert {k: len(v) for k, v in parts.items()} == {
        "train": 88,
        "validation": 10,
        "test": 24,
    }
    names = [frame.name for part in parts.values() for frame in part]
    assert sorted(names) == [f"{k:04d}" for k in range(122)]
    # The last 24 of numpy.random.default_rng(0).permutation(122), sorted.
    assert [frame.name for frame in parts["test"][:4]] == [
        "0007",
        "0014",
        "0029",
        "0031",
    ]
    assert frames.split(listed(122)) == parts


@pytest.mark.parametrize(
    ("number", "sizes"), [(3, (1, 1, 1)), (4, (2, 1, 1)), (61, (44, 5, 12))]
)
def test_fewer_frames_are_split_in_proportion(number, sizes):
    parts = frames.split(listed(number))
    assert tuple(map(len, parts.values())) == sizes
    assert len({frame.name for part in parts.values() for frame in part}) == number


def test_two_frames_are_too_few():
    with pytest.raises(ValueError, match="at least 3 frames.*found 2 in a"):
        frames.split(listed(2))


def test_classes():
    assert len(classes.CLASS_NAMES) == len(set(classes.CLASS_NAMES)) == 30
    numbers = classes.classes_of(np.arange(34, dtype=np.uint8))
    assert numbers[:4].tolist() == [255] * 4
    assert numbers[4:].tolist() == list(range(30))
    official = {4: "static", 7: "road", 11: "building", 17: "pole", 21: "vegetation"}
    official |= {23: "sky", 24: "person", 26: "car", 31: "train", 33: "bicycle"}
    for number, name in official.items():
        assert classes.CLASS_NAMES[numbers[number]] == name
    with pytest.raises(ValueError, match="0..33, found 255; .*labelTrainIds"):
        classes.classes_of(np.array([4, 255], np.uint8))


def test_presence():
    found = classes.presence(np.array([[0, 255], [29, 0]], np.uint8))
    assert found.tolist() == [1] + [0] * 28 + [1]


@pytest.mark.parametrize("folder", [IMAGES, LABELS])
def test_a_missing_folder(manual_dir, tmp_path, folder):
    shutil.rmtree(manual_dir / folder)
    message = f"{folder} is missing.*account at https://www.cityscapes.*unzip"
    with pytest.raises(FileNotFoundError, match=message):
        build(manual_dir, tmp_path / "data")
    (manual_dir / folder).mkdir()
    with pytest.raises(FileNotFoundError, match=rf"{folder} holds no \*_.*unzip"):
        build(manual_dir, tmp_path / "data")


def test_an_image_without_its_label_map_and_the_reverse(manual_dir, tmp_path):
    (manual_dir / labels_of(2)).unlink()
    (manual_dir / labels_of(4)).unlink()
    message = (
        "zurich_000002_000019_leftImg8bit.png: this image has no label map in "
        r".*gtFine/train/zurich \(2 such images\)"
    )
    with pytest.raises(FileNotFoundError, match=message):
        build(manual_dir, tmp_path / "data")
    (manual_dir / image_of(2)).unlink()
    (manual_dir / image_of(4)).unlink()
    (manual_dir / image_of(5)).unlink()
    with pytest.raises(FileNotFoundError, match="labelIds.png: this label map has no"):
        build(manual_dir, tmp_path / "data")


def test_a_frame_of_another_city(manual_dir, tmp_path):
    path = manual_dir / IMAGES / "jena_000000_000019_leftImg8bit.png"
    (manual_dir / image_of(0)).rename(path)
    with pytest.raises(ValueError, match="jena_.*: expected a frame of Zurich"):
        build(manual_dir, tmp_path / "data")


def test_more_frames_than_there_are(tmp_path):
    for number in range(123):
        for path in (tmp_path / image_of(number), tmp_path / labels_of(number)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    with pytest.raises(ValueError, match="has 122 frames, found 123"):
        frames.find(tmp_path)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-200])


@pytest.mark.parametrize(
    ("path", "spoil", "message"),
    [
        (image_of(3), truncate, "truncated PNG"),
        (labels_of(3), truncate, "truncated PNG"),
        (image_of(3), lambda p: save(image()[:512], p), r"\(1024, 2048\).*\(512, 2048"),
        (
            labels_of(3),
            lambda p: save(ids()[::2, ::2], p),
            r"found \(512, 1024\)",
        ),
        (image_of(3), lambda p: save(ids(), p), "3 channels, found 1"),
        (labels_of(3), lambda p: save(image(), p), "1 channels, found 3"),
        (
            labels_of(3),
            lambda p: save(ids().astype(np.uint16), p),
            "8 bits a channel, found 16",
        ),
        (labels_of(3), lambda p: save(ids() + 8, p), "0..33, found 34"),
        (
            labels_of(3),
            lambda p: save(ids() // 26, p),
            "no pixel of any of the 30",
        ),
    ],
)
def test_a_bad_file_is_named_and_leaves_nothing_behind(
    manual_dir, tmp_path, path, spoil, message
):
    spoil(manual_dir / path)
    with pytest.raises(ValueError, match=f"{path.name}: .*{message}"):
        build(manual_dir, tmp_path / "data")
    assert not list((tmp_path / "data").rglob("dataset_info.json"))


def test_real_frames(real_data, tmp_path):
    """Two frames of Zurich, and a third one that mirrors the first."""
    folder = tmp_path / "manual"
    shutil.copytree(real_data / "cityscapes", folder)
    for path in (image_of, labels_of):
        with Image.open(folder / path(0)) as png:
            save(np.asarray(png)[:, ::-1], folder / path(2))
    found = examples(build(folder, tmp_path / "data", "paper_128"))
    assert len(found) == 3
    for number in range(2):
        name = f"zurich_{number:06d}_000019"
        example = found[name]
        # Not from the map of ids: what their other files say.
        polygons = real_data / "cityscapes" / LABELS / f"{name}_gtFine_polygons.json"
        polygon_labels = {
            o["label"] for o in json.loads(polygons.read_text())["objects"]
        }
        names = {classes.CLASS_NAMES[k] for k in np.flatnonzero(example["scene"])}
        groups = {label.removesuffix("group") for label in polygon_labels}
        assert names <= groups | {"static", "polegroup"}
        assert {"road", "building", "car", "sky"} <= names
        with Image.open(
            real_data / "cityscapes" / LABELS / f"{name}_gtFine_color.png"
        ) as png:
            colors = np.asarray(png)[4::8, 8::16, :3]
        maps = example["segmentation"][..., 0]
        known = maps != 255
        expected = np.array(classes.CLASS_COLORS, np.uint8)[maps[known]]
        np.testing.assert_array_equal(colors[known], expected)
        with Image.open(real_data / "cityscapes" / image_of(number)) as png:
            small = png.resize((128, 128), Image.Resampling.BOX)
        difference = np.abs(np.asarray(small, np.int16) - example["image"])
        assert difference.max() <= 1
    mirrored = found["zurich_000002_000019"]
    first = found["zurich_000000_000019"]
    np.testing.assert_array_equal(mirrored["scene"], first["scene"])
    np.testing.assert_array_equal(mirrored["image"], first["image"][:, ::-1])
