"""The Tiny-Taskonomy builder, on made-up files and on the one real view at hand."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.metadata import DataInfo
from datasets.quarantine import TooManyDamaged
from datasets.tiny_taskonomy import frames, splits, store
from datasets.tiny_taskonomy.tiny_taskonomy_dataset_builder import Builder
from tests.datasets import builder_case
from tests.datasets import taskonomy_files as files

KINDS = {"depth": tf.uint16, "edges": tf.uint16}
MAPS = ("segmentation", "depth", "normals", "edges", "reshading", "curvature")


def examples(builder, names=splits.SPLITS):
    """Returns the examples by name, maps decoded, with their split."""
    skip = {key: tfds.decode.SkipDecoding() for key in MAPS}
    by_name = {}
    for split in names:
        for example in builder.as_data_source(split, decoders=skip):
            maps = {
                key: tf.io.decode_png(example[key], dtype=KINDS.get(key, tf.uint8))
                for key in MAPS
            }
            maps = {key: value.numpy() for key, value in maps.items()}
            by_name[example["name"].decode()] = {**example, **maps, "split": split}
    return by_name


class TinyTaskonomyTest(builder_case.BuilderCase, tfds.testing.DatasetBuilderTestCase):
    DATASET_CLASS = Builder
    BUILDER_CONFIG_NAMES_TO_TEST = ["random_64", "official_128"]
    # Twelve frames, 80/10/10: floor of 9.6, floor of 1.2, and the others.
    SPLITS = {"train": 9, "validation": 1, "test": 2}

    @classmethod
    def write(cls, folder):
        # By building they are split as many as by image.
        files.write(folder, {"allensville": 9, "wiconisco": 1, "ihlen": 2})

    def _assertAsDataset(self, builder):
        # TFDS decodes by `tf.image.decode_image`, which knows no two channels.
        feature = builder.info.features["curvature"]
        feature.decode_example = lambda png: tf.ensure_shape(
            tf.io.decode_png(png), feature.shape
        )
        super()._assertAsDataset(builder)


@pytest.fixture
def manual(tmp_path):
    return files.write(tmp_path / "manual")


def test_examples(manual, tmp_path):
    builder = files.build(manual, tmp_path / "data")
    info = DataInfo.from_metadata(builder.info.metadata)
    by_name = examples(builder)
    assert len(by_name) == 12 and info.image_size == 64
    assert tuple(info.tasks) == MAPS
    # By number among the 365: bedroom, corridor, kitchen, office.
    assert info.scene_names == ("bedroom", "corridor", "kitchen", "office")
    example = by_name["ihlen_point_9_view_0"]
    assert example["scene"] == 0
    assert example["image"][5, 5].tolist() == [9, 100, 200]
    # The hole of 8 pixels is 4 cells, and the pixels next to it are left out too:
    # 8 is not known, so that the cell 8..9, whose centre is 9, is.
    depth, labelled = info.tasks["depth"].decode(example["depth"])
    assert not labelled[:4, :4].any() and labelled[4:].all() and labelled[:, 4:].all()
    assert depth[4, 4, 0] == 1509 / 512
    classes = example["segmentation"][..., 0]
    assert (classes[:62, :32] == 0).all() and (classes[:62, 32:] == 2).all()
    assert (classes[62:] == 255).all()
    assert info.tasks["segmentation"].class_names[2] == "chair"
    # Of the cells next to the hole, 8..9, half of the pixels are known.
    normals, labelled = info.tasks["normals"].decode(example["normals"])
    assert not labelled[:4, :4].any() and labelled[5:].all()
    np.testing.assert_allclose(normals[20, 20], (0, 1, 0), atol=0.01)
    curvature, labelled = info.tasks["curvature"].decode(example["curvature"])
    assert not labelled[:4, :4].any()
    np.testing.assert_allclose(curvature[20, 20], (38 / 127 / 0.03, 0), atol=1e-9)
    edges, labelled = info.tasks["edges"].decode(example["edges"])
    assert labelled.all()
    np.testing.assert_allclose(edges, 718 / 65535, atol=1e-5)
    reshading, labelled = info.tasks["reshading"].decode(example["reshading"])
    assert not labelled[:4, :4].any()
    np.testing.assert_allclose(reshading[20, 20], 127 / 255, atol=1 / 508)


def test_what_the_metadata_say(manual, tmp_path, capsys):
    files.build(manual, tmp_path / "data")
    again = Builder(config="random_64", data_dir=tmp_path / "data")
    notes = DataInfo.from_metadata(again.info.metadata).notes
    assert "12 frames of 3 buildings: 9 train, 1 validation, 2 test" in notes
    assert "bedroom 3, corridor 3, kitchen 3, office 3" in notes
    assert "more than 1000 images, 4 have not" in notes
    assert "there are 4 scenes, not 35" in notes
    assert "not there: hanson, merom" in notes
    printed = capsys.readouterr().out
    assert notes in printed and "frames_64, serve the other protocols" in printed


def test_before_it_is_built_nothing_is_claimed(tmp_path):
    info = DataInfo.from_metadata(Builder(data_dir=tmp_path).info.metadata)
    assert not info.tasks and not info.scene_names


def test_a_domain_that_no_building_has(manual, tmp_path):
    shutil.rmtree(manual / "principal_curvature")
    (manual / "depth_zbuffer").rename(manual / "depth_euclidean")
    builder = files.build(manual, tmp_path / "data")
    info = DataInfo.from_metadata(builder.info.metadata)
    assert tuple(info.tasks) == MAPS[:-1]
    assert "no files of principal_curvature." in info.notes
    assert info.tasks["depth"].source == "depth_euclidean: to the camera's centre"
    example = next(iter(examples(builder).values()))
    assert (example["curvature"] == 255).all() and example["depth"][20, 20] > 1000


def test_protocols_share_the_decoded_frames(manual, tmp_path, monkeypatch):
    count = files.Count(frames.read_frame, [])
    monkeypatch.setattr(frames, "read_frame", count)
    random = files.build(manual, tmp_path / "data")
    assert len(count.names) == 12
    official = files.build(manual, tmp_path / "data", "official_64")
    three = files.build(
        manual, tmp_path / "data", "random_64", 0.001, compute_stats="skip"
    )
    assert len(count.names) == 12 and three.is_prepared()
    assert {
        name: split.num_examples for name, split in official.info.splits.items()
    } == {
        "train": 6,
        "validation": 3,
        "test": 3,
    }
    for name, example in examples(official).items():
        assert name.split("_")[0] in splits.OFFICIAL[example["split"]]
    assert set(examples(random)) == set(examples(official))


def test_an_interrupted_build_goes_on(manual, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FRAMES_A_CHUNK", 2)
    count = files.Count(frames.read_frame, [], fail_at=8)
    monkeypatch.setattr(frames, "read_frame", count)
    with pytest.raises(OSError, match="No space left on device.*frames_64"):
        files.build(manual, tmp_path / "data")
    assert not list((tmp_path / "data").rglob("dataset_info.json"))
    done = list((tmp_path / "data").rglob("frames_64/*/*.zip"))
    assert len(done) == 3  # of the seven frames, three whole chunks
    times = {path: path.stat().st_mtime_ns for path in done}
    builder = files.build(manual, tmp_path / "data")
    assert len(examples(builder)) == 12
    assert len(count.names) == 8 + 6
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    assert not list((tmp_path / "data").rglob("*.part"))


def test_changed_files_are_read_again(manual, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FRAMES_A_CHUNK", 2)
    files.build(manual, tmp_path / "data")
    count = files.Count(frames.read_frame, [])
    monkeypatch.setattr(frames, "read_frame", count)
    rgb = np.full((files.SIZE, files.SIZE, 3), 7, np.uint8)
    rgb[0, 0] = 1
    files.save(files.file(manual, "allensville", 2, "rgb"), rgb)
    builder = files.build(manual, tmp_path / "data", "official_64")
    assert sorted(count.names) == [
        f"point_{number}_view_0_domain_rgb.png" for number in (2, 3)
    ]
    assert examples(builder)["allensville_point_2_view_0"]["image"][9, 9, 0] == 7
    assert len(list((tmp_path / "data").rglob("frames_64/*/*.zip"))) == 7


def damage(manual):
    """Damages frames 1, 3, 4, 7 and 10, each in another way."""
    path = files.file(manual, "allensville", 1, "normal")
    path.write_bytes(path.read_bytes()[:100])
    files.file(manual, "allensville", 3, "rgb").unlink()
    wrong = np.full((files.SIZE, files.SIZE), 9, np.uint8)
    files.save(files.file(manual, "allensville", 4, "depth_zbuffer"), wrong)
    files.save(files.file(manual, "wiconisco", 7, "segment_semantic"), 9 + wrong)
    nan = np.full(365, np.nan, np.float32)
    files.save(files.file(manual, "ihlen", 10, "class_scene"), nan)
    return {
        "allensville_point_1_view_0": "truncated",
        "allensville_point_3_view_0": "no file of the frame for rgb",
        "allensville_point_4_view_0": "expected 16 bits a channel, found 8",
        "wiconisco_point_7_view_0": "class 18 is out of range",
        "ihlen_point_10_view_0": "expected probabilities, found NaN",
    }


def test_damaged_frames_are_left_out_and_listed(manual, tmp_path, monkeypatch):
    reasons = damage(manual)
    with pytest.raises(TooManyDamaged, match="(?s)5 of 12 .*allows 4.*_view_0: .*rgb"):
        files.build(manual, tmp_path / "data", max_damaged=0.4)
    outside = tmp_path / "data" / "tiny_taskonomy" / "quarantine_random_64.json"
    damaged_rows = {
        row["name"]: row for row in json.loads(outside.read_text())["damaged"]
    }
    assert damaged_rows.keys() == reasons.keys()
    assert all(reasons[name] in row["reason"] for name, row in damaged_rows.items())
    assert damaged_rows["allensville_point_3_view_0"]["file"] == str(
        files.file(manual, "allensville", 3, "rgb")
    )
    count = files.Count(frames.read_frame, [])
    monkeypatch.setattr(frames, "read_frame", count)
    # Now the five of twelve are few enough, and nothing is decoded again.
    with pytest.raises(ValueError, match="Expected at least 10 frames"):
        files.build(manual, tmp_path / "data", max_damaged=0.42)
    builder = files.build(manual, tmp_path / "data", "official_64", max_damaged=0.42)
    assert not count.names
    assert len(examples(builder)) == 7 and not set(examples(builder)) & set(reasons)
    inside = json.loads((builder.data_path / "quarantine.json").read_text())
    assert inside == json.loads(outside.read_text()) and inside["seen"] == 12


def test_many_damaged_frames_stop_the_work_early(manual, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FRAMES_A_CHUNK", 2)
    for number in range(6):
        files.file(manual, "allensville", number, "normal").write_bytes(b"")
    count = files.Count(frames.read_frame, [])
    monkeypatch.setattr(frames, "read_frame", count)
    with pytest.raises(TooManyDamaged, match="(?s)2 of 12 .*decoding stopped after 2 "):
        files.build(manual, tmp_path / "data", max_damaged=0.1)
    assert len(count.names) < 12


def test_two_files_of_one_frame(manual, tmp_path):
    path = files.file(manual, "ihlen", 9, "rgb")
    shutil.copy(path, path.with_name("point_9_view_0.png"))
    with pytest.raises(ValueError, match="two files of the frame ihlen_point_9_view_0"):
        files.build(manual, tmp_path / "data")


def test_several_processes(manual, tmp_path):
    from apache_beam.options import pipeline_options

    options = pipeline_options.PipelineOptions(
        flags=["--direct_num_workers=2", "--direct_running_mode=multi_processing"]
    )
    builder = files.build(manual, tmp_path / "data", beam_options=options)
    assert len(examples(builder)) == 12


def test_a_folder_with_more_buildings(manual, tmp_path):
    builder = files.build(manual, tmp_path / "data")
    builder.check_source(manual)
    (manual / "rgb" / "ihlen").rename(manual / "rgb" / "uvalda")
    with pytest.raises(ValueError, match="built without uvalda"):
        builder.check_source(manual)


@pytest.mark.parametrize(
    ("config", "frames_of", "message"),
    [
        ("random_64", {"allensville": 9}, "at least 10 frames to split in 80/10/10"),
        ("official_64", {"allensville": 12}, "official split 'validation' is empty"),
    ],
)
def test_too_few_frames_are_told_before_they_are_decoded(
    tmp_path, monkeypatch, config, frames_of, message
):
    manual = files.write(tmp_path / "few", frames_of)
    count = files.Count(frames.read_frame, [])
    monkeypatch.setattr(frames, "read_frame", count)
    with pytest.raises(ValueError, match=message):
        files.build(manual, tmp_path / "data", config)
    assert not count.names
