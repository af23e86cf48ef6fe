"""The NYUv2 builder, on a small file in the layout of the official one."""

import subprocess
import sys

import h5py
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from datasets.metadata import DataInfo
from datasets.nyuv2 import classes, labeled_mat, splits
from datasets.nyuv2.nyuv2_dataset_builder import Builder
from tests.datasets import builder_case

FRAMES, HEIGHT, WIDTH = 12, 240, 320
NAMES = ["book", *classes.CLASS_NAMES[:37], "stairs"]  # chair is id 6, stairs id 39
SCENES = ["kitchen"] * 11 + ["study_room"]


def write_mat(path, **changes):
    """Writes frames whose every value is known; `changes` replaces arrays."""
    images = np.zeros((FRAMES, 3, WIDTH, HEIGHT), np.uint8)
    images[:, 0] = 10 * np.arange(FRAMES)[:, None, None]
    images[:, 2, 300:, :40] = 200  # blue in the upper right corner
    labels = np.zeros((FRAMES, WIDTH, HEIGHT), np.uint16)
    labels[:, :80, 120:] = 6  # a chair in the lower left
    labels[:, 80:160, 120:] = 39
    depths = np.full((FRAMES, WIDTH, HEIGHT), 2.125, np.float32)
    depths[:, :, 120:] = 2.5
    texts = {"names": NAMES, "sceneTypes": SCENES}
    arrays = {"images": images, "labels": labels, "depths": depths}
    with h5py.File(path, "w") as file:
        for name, values in {**arrays, **texts, **changes}.items():
            is_text = isinstance(values, list)
            file[name] = references(file, name, values) if is_text else values


def references(file, name, texts):
    """Returns (1, N) references to the character codes of each text, as MATLAB does."""
    cells = [
        file.create_dataset(f"#refs#/{name}{k}", data=[[ord(c)] for c in text]).ref
        for k, text in enumerate(texts)
    ]
    return np.array([cells], dtype=h5py.ref_dtype)


@pytest.fixture
def manual_dir(tmp_path):
    folder = tmp_path / "manual"
    folder.mkdir()
    return folder


def build(manual_dir, config="paper_64"):
    builder = Builder(
        config=config,
        data_dir=manual_dir.parent / "data",
        file_format="array_record",
    )
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir)
    )
    return builder


def examples(builder, splits=("train", "validation", "test")):
    """Returns the examples by name, maps decoded to arrays."""
    # The data source of TFDS leaves 16 bits to OpenCV, TensorFlow reads them as well.
    skip = {key: tfds.decode.SkipDecoding() for key in ("depth", "normals")}
    by_name = {}
    for split in splits:
        for example in builder.as_data_source(split, decoders=skip):
            maps = {k: tf.io.decode_png(example[k], dtype=tf.uint16) for k in skip}
            maps = {key: value.numpy() for key, value in maps.items()}
            by_name[example["name"].decode()] = {**example, **maps}
    return by_name


class Nyuv2Test(builder_case.BuilderCase, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["paper_64", "paper_256"]
    # 12 frames in the proportions of 1049, 200 and 200.
    SPLITS = {"train": 9, "validation": 2, "test": 1}

    @classmethod
    def write(cls, folder):
        write_mat(folder / labeled_mat.FILE_NAME)


def test_examples(manual_dir):
    write_mat(manual_dir / labeled_mat.FILE_NAME)
    builder = build(manual_dir)
    info = DataInfo.from_metadata(builder.info.metadata)
    by_name = examples(builder)
    assert sorted(by_name) == [f"{number:04d}" for number in range(1, 13)]
    example = by_name["0004"]
    # 240x320 pixels become 64x64: a cell is 3.75 rows high and 5 columns wide.
    image = example["image"]
    assert image[32, 10].tolist() == [30, 0, 0]
    assert image[5, 62].tolist() == [30, 0, 200]
    assert image[62, 5].tolist() == [30, 0, 0]
    ids = example["segmentation"][..., 0]
    assert ids[40, 5] == classes.CLASS_NAMES.index("chair")
    assert ids[40, 20] == classes.CLASS_NAMES.index("otherstructure")
    assert ids[10, 5] == 255 and ids[40, 40] == 255
    assert example["depth"][10, 10] == 2125 and example["depth"][50, 10] == 2500
    normals, valid = info.tasks["normals"].decode(example["normals"])
    np.testing.assert_allclose(normals[20, 30], (0, 0, 1), atol=1e-4)
    assert valid[20, 30] and not valid[32, 30] and not valid[0, 0]
    assert example["scene"] == classes.SCENE_NAMES.index("kitchen") == 16
    assert by_name["0012"]["scene"] == 26


def test_metadata_of_the_finished_data(manual_dir):
    write_mat(manual_dir / labeled_mat.FILE_NAME)
    build(manual_dir)
    again = Builder(config="paper_64", data_dir=manual_dir.parent / "data")
    info = DataInfo.from_metadata(again.info.metadata)
    assert info.image_size == 64 and len(info.scene_names) == 27
    assert len(info.tasks["segmentation"].class_names) == 40
    assert info.tasks["normals"].source == "planes fitted to the depth map"
    assert "12 of 1449 frames" in info.notes


def test_normals_of_the_folder_are_taken(manual_dir):
    write_mat(manual_dir / labeled_mat.FILE_NAME)
    (manual_dir / "normals").mkdir()
    # (right, away, up) = (0.2, -0.97, 0.11), near the (0, 0, 1) of the depth.
    png = Image.new("RGB", (WIDTH, HEIGHT), (153, 4, 142))
    for number in range(1, FRAMES + 1):
        png.save(manual_dir / "normals" / f"{number:04d}.png")
    builder = build(manual_dir)
    info = DataInfo.from_metadata(builder.info.metadata)
    assert info.tasks["normals"].source == "PNG files in the folder `normals`"
    raw = examples(builder)["0001"]["normals"]
    normals, valid = info.tasks["normals"].decode(raw)
    np.testing.assert_allclose(normals[0, 0], (0.2, 0.11, 0.97), atol=0.01)
    assert valid.all()


def test_normals_folder_must_be_complete(manual_dir):
    write_mat(manual_dir / labeled_mat.FILE_NAME)
    (manual_dir / "normals").mkdir()
    with pytest.raises(ValueError, match="0001.png is missing"):
        build(manual_dir)


def test_missing_file(manual_dir):
    (manual_dir / "other.txt").touch()
    with pytest.raises(FileNotFoundError, match="labeled.mat is missing.*home page"):
        build(manual_dir)


def test_truncated_file(manual_dir):
    path = manual_dir / labeled_mat.FILE_NAME
    write_mat(path)
    path.write_bytes(path.read_bytes()[:-100_000])
    with pytest.raises(ValueError, match=r"labeled.mat \(\d+ bytes\) is truncated"):
        build(manual_dir)


def test_a_damaged_frame_is_named(manual_dir):
    path = manual_dir / labeled_mat.FILE_NAME
    write_mat(path)
    with h5py.File(path, "r+") as file:
        values = file["depths"][()]
        del file["depths"]
        chunks = (1, WIDTH, HEIGHT)
        array = file.create_dataset("depths", data=values, chunks=chunks, compression=9)
        chunk = array.id.get_chunk_info(7)
    data = bytearray(path.read_bytes())
    data[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(data)
    with pytest.raises(ValueError, match="labeled.mat: frame 8 cannot be read"):
        build(manual_dir)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"depths": np.zeros((FRAMES, 5, 4))}, "depths missing or of another shape"),
        ({"images": np.zeros((0, 3, 4, 5))}, "; images, depths, labels"),
        (
            {"images": np.zeros((FRAMES, 3, WIDTH, HEIGHT), np.float32)},
            "expected images of type uint8, found float32",
        ),
        (
            {"labels": np.zeros((FRAMES, WIDTH, HEIGHT), np.float32)},
            "expected labels of type integer, found float32",
        ),
        ({"names": np.zeros((1, 39))}, "expected names to hold references"),
        ({"names": ["cat", "dog"]}, "found 2 names without 'wall'"),
        (
            {"sceneTypes": ["kitchen"] * 11 + ["spaceship"]},
            "frame 12 is of the unknown scene type 'spaceship'",
        ),
    ],
)
def test_wrong_contents(manual_dir, changes, message):
    write_mat(manual_dir / labeled_mat.FILE_NAME, **changes)
    with pytest.raises(ValueError, match=message):
        build(manual_dir)


@pytest.mark.parametrize(
    ("array", "value", "message"),
    [
        ("depths", np.nan, "frame 8: `depths` holds a negative value, NaN"),
        ("depths", -1, "frame 8: `depths` holds a negative value"),
        ("depths", np.inf, "frame 8: `depths` holds a negative value, NaN or inf"),
        # Millimetres in the place of metres.
        ("depths", 2500, "mat: frame 8: depth: 2500 m is outside 0.001..65.535 m"),
        ("labels", 40, "frame 8: `labels` holds ids 0..40; expected 0 or a number of"),
    ],
)
def test_a_bad_frame_leaves_nothing_behind(manual_dir, array, value, message):
    path = manual_dir / labeled_mat.FILE_NAME
    write_mat(path)
    with h5py.File(path, "r+") as file:
        file[array][7, 2:7, 1:5] = value
    with pytest.raises(ValueError, match=message):
        build(manual_dir)
    assert not list((manual_dir.parent / "data").rglob("dataset_info.json"))


def test_a_negative_label_is_refused(manual_dir):
    path = manual_dir / labeled_mat.FILE_NAME
    labels = np.zeros((FRAMES, WIDTH, HEIGHT), np.int16)
    labels[2, 5, 5] = -1
    write_mat(path, labels=labels)
    with pytest.raises(ValueError, match="frame 3: `labels` holds ids -1..0; expected"):
        build(manual_dir)


def test_missing_depth_is_no_label(manual_dir):
    path = manual_dir / labeled_mat.FILE_NAME
    write_mat(path)
    with h5py.File(path, "r+") as file:
        file["depths"][:, :80, :120] = 0
    example = examples(build(manual_dir))["0001"]
    assert example["depth"][10, 10] == 0 and example["depth"][10, 20] == 2125
    assert (example["normals"][10, 10] == 0).all()


def test_official_split_needs_all_frames(manual_dir):
    write_mat(manual_dir / labeled_mat.FILE_NAME)
    with pytest.raises(ValueError, match="all 1449 frames, but the file holds 12"):
        build(manual_dir, "official_64")


def test_scene_split_needs_the_names_of_scenes(manual_dir):
    write_mat(manual_dir / labeled_mat.FILE_NAME)
    with pytest.raises(ValueError, match=r"expected scenes \(1, 12\), by which"):
        build(manual_dir, "scene_64")


def test_scene_split_of_a_file(manual_dir):
    # Four kitchens of two, three and one frames; a study.
    scenes = [f"kitchen_000{k}" for k in (1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4)]
    write_mat(manual_dir / labeled_mat.FILE_NAME, scenes=[*scenes, "study_room_0001"])
    builder = build(manual_dir, "scene_64")
    parts = {
        split: {int(name) - 1 for name in examples(builder, [split])}
        for split in ("train", "validation", "test")
    }
    assert sum(map(len, parts.values())) == 12 and 11 in parts["train"]
    seen = [{scenes[k] for k in part - {11}} for part in parts.values()]
    assert sum(map(len, seen)) == len(set(scenes)) == 4
    info = DataInfo.from_metadata(builder.info.metadata)
    assert "no recording is in two" in info.notes


def test_rooms_of_real_frames(real_data):
    rows = (real_data / "nyuv2" / "frames.csv").read_text().split()[1:]
    _, scenes, types = zip(*(row.split(",") for row in rows), strict=True)
    by_frame, by_scene = splits.paper_splits(795), splits.scene_splits(scenes, types)
    seen = {scenes[k] for k in by_frame["train"]}
    assert sum(scenes[k] in seen for k in by_frame["test"]) == 101
    assert [len(part) for part in by_scene.values()] == [576, 110, 109]
    rooms = [{scenes[k] for k in part} for part in by_scene.values()]
    assert sum(map(len, rooms)) == len(set(scenes)) == 249
    assert len({types[k] for k in by_scene["train"]}) == 27


def test_real_frames(manual_dir, real_data):
    folder = real_data / "nyuv2"
    script = [sys.executable, str(folder / "make_labeled_mat.py")]
    script += [str(manual_dir / labeled_mat.FILE_NAME), "--frames", "8"]
    subprocess.run(script, check=True, capture_output=True)
    with labeled_mat.LabeledMat(manual_dir / labeled_mat.FILE_NAME) as mat:
        assert mat.scenes()[:4] == ["office_0003"] * 2 + ["office_0004"] * 2
    by_name = examples(build(manual_dir))
    rows = (folder / "frames.csv").read_text().splitlines()[1:9]
    for number, row in enumerate(rows, start=1):
        frame, _, scene_type = row.split(",")
        example = by_name[f"{number:04d}"]
        assert classes.SCENE_NAMES[example["scene"]] == scene_type
        with Image.open(folder / "labels40" / f"{frame}.png") as png:
            labels = np.asarray(png)
        # 192x256: cells of 3 rows and 4 columns, of which the pixels (1, 2).
        expected = np.where(labels[1::3, 2::4] == 39, 255, labels[1::3, 2::4])
        np.testing.assert_array_equal(example["segmentation"][..., 0], expected)
        assert 0.3 < example["normals"].any(axis=-1).mean() < 0.9
