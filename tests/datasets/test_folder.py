"""The builder of a folder of one's own, on small folders whose every value is known."""

import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from datasets import quarantine, resizing
from datasets.folder import example
from datasets.folder.folder_dataset_builder import Builder
from datasets.metadata import DataInfo
from datasets.nyuv2.normals_from_depth import normals_from_depth
from mgm_tf.data.splits import Split
from mgm_tf.tasks import dense
from tests.datasets import builder_case, folder_files
from tests.datasets.folder_files import NAMES, build, save

SPLITS = ("train", "validation", "test", "weak")


@pytest.fixture
def folder(tmp_path):
    return folder_files.write(tmp_path / "photos")


def record(builder) -> DataInfo:
    return DataInfo.from_metadata(builder.info.metadata)


def stored(builder) -> dict[str, dict]:
    """The examples by name, as networks get them; with `split`."""
    info = record(builder)
    by_name = {}
    for split in [name for name in SPLITS if name in builder.info.splits]:
        opened = Split(builder, split, tuple(info.tasks), "disk")
        read = opened.batch(tf.range(len(opened), dtype=tf.int64))
        texts = [row["name"].decode() for row in names_of(builder, split)]
        for place, name in enumerate(texts):
            by_name[name] = {k: v[place].numpy() for k, v in read.items()}
            by_name[name]["split"] = split
    return by_name


def names_of(builder, split):
    skip = {k: tfds.decode.SkipDecoding() for k in ("image", *record(builder).tasks)}
    return builder.as_data_source(split, decoders=skip)


class FolderTest(builder_case.BuilderCase, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["64"]
    SPLITS = {"train": 14, "validation": 2, "test": 2, "weak": 6}

    @classmethod
    def write(cls, folder):
        example.write(folder, 24, 32)


def test_before_it_is_built_nothing_is_known_of_the_data(tmp_path):
    info = record(Builder(config="128", data_dir=tmp_path))
    assert info.image_size == 128
    assert dict(info.tasks) == {} and info.scene_names == ()


def test_stored_values(folder):
    save(folder / "normals" / "p03.png", folder_files.normals())
    for name in ("p01", "p07"):
        save(folder / "normals" / f"{name}.png", folder_files.normals())
    by_name = stored(build(folder))
    assert sorted(by_name) == list(NAMES)
    example = by_name["p03"]
    assert example["image"].shape == (64, 64, 3)
    assert (example["image"] == (30, 200, 225)).all()
    assert example["scene"] == 0 and by_name["p08"]["scene"] == -1
    ids = example["segmentation"][..., 0]
    assert (ids[32:] == 1).all() and (ids[1:32] == 0).all() and ids[0, 0] == 255
    assert (example["depth"][:, :32] == 2500).all() and (
        example["depth"][:, 32:] == 0
    ).all()
    # 128 of 255 means 1/255: (1, 255, 1) / 255.004 is stored as 32767 n + 32768.
    up = example["normals"][40, 10].tolist()
    assert up == [32768 + 128, 65534, 32768 + 128]
    assert example["normals"][10, 10].tolist() == [32768 + 128, 32768 + 128, 65534]
    assert (by_name["p02"]["normals"] == 0).all()


def test_the_finished_data_tell_what_they_are_without_the_folder(folder):
    built = build(folder)
    expected = record(built)
    shutil.rmtree(folder)
    again = Builder(config="64", data_dir=folder.parent / "data")
    assert record(again) == expected == record(built)
    assert expected.tasks["segmentation"].class_names == ("wall", "floor", "ball")
    assert expected.tasks["segmentation"].class_colors[1] == (10, 20, 30)
    assert expected.scene_names == ("inside",)
    assert expected.label_kind == "categorical"
    assert "10 images: 8 train, 1 validation, 1 test (by hash" in expected.notes
    assert "10 segmentation, 10 depth" in expected.notes
    assert set(again.info.features) == {"image", "name", "scene", *expected.tasks}
    assert len(stored(again)) == 10
    read_only = tfds.builder_from_directory(again.data_dir)
    assert len(stored(read_only)) == 10


def test_images_without_maps_are_weak(folder):
    for name in NAMES[:3]:
        (folder / "segmentation" / f"{name}.png").unlink()
        (folder / "depth" / f"{name}.png").unlink()
    (folder / "depth" / "p05.png").unlink()
    by_name = stored(build(folder))
    weak = {name for name, example in by_name.items() if example["split"] == "weak"}
    assert weak == set(NAMES[:3])
    assert (by_name["p01"]["segmentation"] == 255).all()
    assert (by_name["p05"]["depth"] == 0).all()
    assert (by_name["p05"]["segmentation"] != 255).any()


@pytest.mark.parametrize("task", ["segmentation", "depth", "normals"])
def test_a_batch_without_labels_of_a_task_teaches_nothing(folder, task):
    for name in NAMES[:3]:
        save(folder / "normals" / f"{name}.png", folder_files.normals())
    maps = {"segmentation": NAMES[3:], "depth": NAMES[3:], "normals": NAMES[:0]}
    for name in maps[task]:
        (folder / task / f"{name}.png").unlink()
    built = build(folder)
    by_name = stored(built)
    known = dense.task_of(record(built).tasks[task])
    target, valid = known.decode(np.stack([by_name[n][task] for n in NAMES[3:]]))
    assert not valid.numpy().any()
    shape = (*valid.shape, known.output_channels)
    prediction = tf.Variable(tf.fill(shape, 0.5))
    with tf.GradientTape() as tape:
        loss = known.loss(prediction, target, valid)
    assert loss.numpy() == 0
    assert not tape.gradient(loss, prediction).numpy().any()


def test_several_labels_make_vectors(folder):
    rows = "name,label\np00,sea;sand\np01,sea\np02, sand ; hut\n"
    (folder / "scenes.csv").write_text(rows)
    built = build(folder)
    info = record(built)
    assert info.label_kind == "multi_hot" and info.scene_names == ("hut", "sand", "sea")
    by_name = stored(built)
    assert by_name["p00"]["scene"].tolist() == [0, 1, 1]
    assert by_name["p01"]["scene"].tolist() == [0, 0, 1]
    assert by_name["p02"]["scene"].tolist() == [1, 1, 0]
    assert by_name["p03"]["scene"].tolist() == [0, 0, 0]


def test_without_scenes(folder):
    (folder / "scenes.csv").unlink()
    built = build(folder)
    assert record(built).scene_names == ()
    assert {int(example["scene"]) for example in stored(built).values()} == {-1}


def test_splits_csv(folder):
    split = ["train"] * 6 + ["validation", "test", "test", "train"]
    rows = [f"{n},{s}" for n, s in zip(NAMES, split, strict=True)]
    rows[0] = "p00,weak"  # though it has maps
    (folder / "splits.csv").write_text("\n".join(["name,split", *rows]))
    by_name = stored(build(folder))
    assert [by_name[name]["split"] for name in NAMES] == ["weak", *split[1:]]


def test_names_may_have_folders_and_suffixes_capitals(folder):
    for part in ("rgb", "segmentation", "depth"):
        (folder / part / "deep" / "er").mkdir(parents=True)
        target = folder / part / "deep" / "er" / "p00.PNG"
        (folder / part / "p00.png").rename(target)
    (folder / "scenes.csv").write_text("name,label\ndeep/er/p00,inside\n")
    (folder / "rgb" / ".DS_Store").touch()
    (folder / "_raw").mkdir()
    by_name = stored(build(folder))
    assert "deep/er/p00" in by_name and len(by_name) == 10
    assert (by_name["deep/er/p00"]["depth"][:, :32] == 2500).all()


def test_images_without_any_label_can_be_left_out(folder):
    folder_files.settings(folder, unlabelled="leave_out", notes="Mine.")
    for part in ("segmentation", "depth"):
        (folder / part / "p09.png").unlink()
    built = build(folder)
    assert "p09" not in stored(built)
    notes = record(built).notes
    assert "Images without any label are left out (1): p09. Mine." in notes


def test_images_without_any_label_can_be_weak(folder):
    folder_files.settings(folder, unlabelled="weak")
    for part in ("segmentation", "depth"):
        (folder / part / "p09.png").unlink()
    example = stored(build(folder))["p09"]
    assert (example["split"], example["scene"]) == ("weak", -1)


def test_classes_are_counted_without_their_file(folder):
    (folder / "classes.txt").unlink()
    ids = folder_files.classes()
    ids[0, 1] = 6
    save(folder / "segmentation" / "p04.png", ids)
    names = record(build(folder)).tasks["segmentation"].class_names
    assert names == tuple(f"class {number}" for number in range(7))


def test_the_source_is_recognised(folder):
    built = build(folder)
    built.check_source(folder)
    copy = shutil.copytree(folder, folder.parent / "copy")
    os.utime(copy / "depth" / "p00.png")
    built.check_source(copy)
    other = folder_files.depth()
    other[0, 0] += 1
    save(copy / "depth" / "p01.png", other)
    (copy / "depth" / "p02.png").unlink()
    save(copy / "rgb" / "more.png", folder_files.image(3))
    with pytest.raises(
        ValueError,
        match=r"copy is not what .*64/1.0.0 was built from \(new: rgb/more.png; "
        r"gone: depth/p02.png; changed: depth/p01.png\). Delete .* --data_dir",
    ):
        built.check_source(copy)


def test_a_file_of_the_same_size_and_another_time_is_compared(folder):
    built = build(folder)
    path = folder / "scenes.csv"
    path.write_text(path.read_text().replace("inside", "beside"))
    os.utime(path, ns=(1, 1))
    with pytest.raises(ValueError, match="changed: scenes.csv"):
        built.check_source(folder)


def test_few_damaged_images_are_left_out_and_listed(folder):
    path = folder / "depth" / "p04.png"
    path.write_bytes(path.read_bytes()[:-20])
    built = build(folder, max_damaged=0.1)
    assert "p04" not in stored(built)
    listed = quarantine.read(pathlib.Path(built.data_dir) / "quarantine.json")
    assert [row["file"] for row in listed] == ["depth/p04.png"]
    assert "truncated" in listed[0]["reason"]
    outside = folder.parent / "data" / "folder" / "quarantine_64.json"
    assert json.loads(outside.read_text())["damaged"] == listed


def test_tfds_command(folder):
    root = pathlib.Path(__file__).parent.parent.parent
    data = folder.parent / "tfds"
    command = [sys.executable, "-m", "tensorflow_datasets.scripts.cli.main", "build"]
    command += ["datasets/folder", "--config=64", f"--manual_dir={folder}"]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [*command, f"--data_dir={data}"],
        cwd=root,
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert len(stored(Builder(config="64", data_dir=data))) == 10


def test_real_frames(tmp_path, real_data):
    source = real_data / "nyuv2"
    with (source / "frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))[:6]
    folder = tmp_path / "photos"
    for part in ("rgb", "segmentation", "depth"):
        (folder / part).mkdir(parents=True)
    scenes = ["name,label"]
    for row in rows:
        name = row["frame"]
        shutil.copy(source / "rgb" / f"{name}.jpg", folder / "rgb")
        shutil.copy(source / "depth" / f"{name}.png", folder / "depth")
        labels = source / "labels40" / f"{name}.png"
        shutil.copy(labels, folder / "segmentation")
        scenes.append(f"{name},{row['scene_type']}")
    (folder / "scenes.csv").write_text("\n".join(scenes))
    unit = {"unit": "m", "scale": 1 / 25.5, "offset": 0.5 / 25.5, "missing": []}
    folder_files.settings(folder, depth=unit, segmentation={"ignore": 39})
    built = build(folder)
    info = record(built)
    by_name = stored(built)
    for row in rows:
        example = by_name[row["frame"]]
        assert info.scene_names[example["scene"]] == row["scene_type"]
        depth, valid = info.tasks["depth"].decode(example["depth"])
        raw = tf.io.decode_png((source / "depth" / f"{row['frame']}.png").read_bytes())
        # 192x256: cells of 3 rows and 4 columns, of which the pixels (1, 2).
        expected = (raw.numpy()[1::3, 2::4] + 0.5) / 25.5
        assert valid.all()
        np.testing.assert_allclose(depth, expected, atol=5.1e-4)
        assert 39 not in example["segmentation"]


def test_real_normals_in_axes_of_their_own(tmp_path, real_data):
    source = real_data / "nyuv2" / "complete_frames"
    folder = tmp_path / "photos"
    for part in ("rgb", "normals"):
        shutil.copytree(source / part, folder / part)
    axes = {"axes": ["right", "away", "up"], "missing": [127, 255]}
    folder_files.settings(folder, normals=axes)
    built = build(folder)
    decode = record(built).tasks["normals"].decode
    for name, stored_example in stored(built).items():
        vectors, valid = decode(stored_example["normals"])
        assert valid.mean() > 0.5
        np.testing.assert_allclose(
            np.linalg.norm(vectors[valid], axis=-1), 1, atol=1e-4
        )
        # The depth of the same frame tells them as well, in our axes.
        with Image.open(source / "depth" / f"{name}.png") as png:
            depth = np.asarray(png) / 1000
        expected, sure = resizing.resize_normals(*normals_from_depth(depth), 64)
        cosine = (vectors * expected).sum(-1)[valid & sure]
        assert np.degrees(np.arccos(np.median(cosine))) < 5
    # Said the wrong way round, they would point away.
    folder_files.settings(folder, normals=axes | {"axes": ["right", "toward", "up"]})
    shutil.rmtree(tmp_path / "data")
    with pytest.raises(ValueError, match="4 of 4 frames are damaged"):
        build(folder)
    (listed,) = (tmp_path / "data").rglob("quarantine_64.json")
    assert listed.read_text().count("away from the camera") == 4
