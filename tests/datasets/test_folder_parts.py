"""The parts of the folder's builder: dividing, coding, reading, the example."""

import hashlib
import itertools
import sys

import numpy as np
import OpenEXR
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets import files, metadata
from datasets.folder import example, exr, headers, label_maps, splitting, tables
from datasets.folder.settings import TaskSettings
from tests.datasets import folder_files
from tests.datasets.folder_files import HEIGHT, WIDTH, build, save, settings


def reader(task: metadata.TaskInfo, kind: str, **fields) -> label_maps.MapReader:
    mine = TaskSettings(**fields)
    coding = label_maps.coding_of(task.name, mine, kind)
    return label_maps.MapReader(task, coding, mine.axes)


def write_exr(path, compression=OpenEXR.ZIP_COMPRESSION, **channels):
    path.parent.mkdir(parents=True, exist_ok=True)
    header = {"compression": compression, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, channels) as file:
        file.write(str(path))
    return path


class TestDividing:
    def test_proportions_and_fixed_places(self):
        tasks_of = {f"n{k}": frozenset({"depth"}) for k in range(50)}
        parts = splitting.by_hash(tasks_of)
        assert {k: len(v) for k, v in parts.items()} == {
            "train": 40,
            "validation": 5,
            "test": 5,
        }
        assert sorted(itertools.chain(*parts.values())) == sorted(tasks_of)
        # The order is that of SHA-256, the same on every machine and in any order.
        by_hash = sorted(
            tasks_of,
            key=lambda n: hashlib.sha256(f"mgm_tf folder 0\n{n}".encode()).digest(),
        )
        assert set(by_hash[:10]) == {*parts["validation"], *parts["test"]}
        backwards = dict(reversed(tasks_of.items()))
        assert splitting.by_hash(backwards) == parts

    @pytest.mark.parametrize("count", [3, 4, 7, 10, 15])
    def test_no_split_is_empty(self, count):
        parts = splitting.by_hash({str(k): frozenset({"x"}) for k in range(count)})
        assert all(parts.values())

    @pytest.mark.parametrize("count", [0, 1, 2])
    def test_too_few(self, count):
        tasks_of = {str(k): frozenset({"x"}) for k in range(count)}
        parts = splitting.by_hash(tasks_of)
        assert sum(map(len, parts.values())) == count
        assert splitting.lacking(parts, tasks_of)

    def test_rare_tasks_are_in_every_split(self):
        for rare in itertools.combinations(range(12), 3):
            tasks_of = {
                f"n{k}": frozenset({"often", "rare"} if k in rare else {"often"})
                for k in range(12)
            }
            parts = splitting.by_hash(tasks_of)
            assert splitting.lacking(parts, tasks_of) == []
            assert [len(parts[k]) for k in ("train", "validation", "test")] == [
                10,
                1,
                1,
            ]

    def test_what_is_lacking(self):
        tasks_of = {"a": frozenset({"depth"}), "b": frozenset({"edges", "depth"})}
        assert splitting.lacking({"train": ["a", "b"], "test": ["a"]}, tasks_of) == [
            "split 'validation' is empty",
            "split 'test' has no edges map",
        ]


class TestValues:
    """Numbers in files and what they mean."""

    @pytest.mark.parametrize(
        ("number", "dtype", "fields", "metres"),
        [
            (1234, "uint16", {}, 1.234),
            (2.5, "float32", {}, 2.5),
            (2.5, "float16", {}, 2.5),
            (250, "uint16", {"unit": "cm"}, 2.5),
            (255, "uint8", {"unit": "m", "scale": 0.04}, 10.2),
            (50, "uint8", {"unit": "cm", "scale": 2.0, "offset": 10.0}, 1.1),
            (1500, "float64", {"unit": "mm"}, 1.5),
        ],
    )
    def test_depth(self, tmp_path, number, dtype, fields, metres):
        values = np.full((4, 6), number, dtype)
        values[0, 0] = 0
        path = save(tmp_path / "a.npy", values)
        kind = headers.form_of(path).kind
        read, valid = reader(metadata.depth_info(), kind, **fields).read(path)
        assert not valid[0, 0] and valid.sum() == 23
        np.testing.assert_allclose(read[valid], metres, rtol=1e-6)

    def test_several_numbers_may_mean_missing(self, tmp_path):
        values = np.array([[1, np.nan, np.inf, 1e10, 0, 3]], np.float32)
        path = save(tmp_path / "a.npy", values)
        marks = (np.nan, np.inf, 1e10, 0.0)
        read, valid = reader(metadata.depth_info(), "float", missing=marks).read(path)
        assert valid[0].tolist() == [True, False, False, False, False, True]
        assert read[0, :, 0].tolist() == [1, 0, 0, 0, 0, 3]

    @pytest.mark.parametrize(
        ("axes", "vector"),
        [
            (("right", "up", "toward"), (0.6, 0, 0.8)),
            (("right", "down", "away"), (0.6, 0, -0.8)),
            (("left", "away", "up"), (-0.6, -0.8, 0)),
        ],
    )
    def test_axes_of_normals(self, tmp_path, axes, vector):
        values = np.broadcast_to(np.float32(vector), (4, 4, 3))
        path = save(tmp_path / "a.npy", values)
        read, valid = reader(metadata.normals_info(), "float", axes=axes).read(path)
        assert valid.all()
        np.testing.assert_allclose(read[2, 2], (0.6, 0, 0.8), atol=1e-6)

    def test_normals_of_sixteen_bits(self, tmp_path):
        values = np.full((4, 4, 3), 32768, np.uint16)
        values[..., 2] = 65535
        values[0, 0] = 0
        path = tmp_path / "a.png"
        path.write_bytes(tf.io.encode_png(values).numpy())
        assert headers.form_of(path) == headers.Form(4, 4, 3, "uint16")
        read, valid = reader(metadata.normals_info(), "uint16").read(path)
        assert not valid[0, 0] and valid.sum() == 15
        np.testing.assert_allclose(read[1, 1], (0, 0, 1), atol=2e-5)

    @pytest.mark.parametrize(("dtype", "half"), [("uint8", 51), ("uint16", 13107)])
    def test_numbers_in_0_to_1(self, tmp_path, dtype, half):
        path = save(tmp_path / "a.png", np.full((4, 4), half, dtype))
        info = metadata.unit_interval_info("edges")
        read, valid = reader(info, dtype).read(path)
        assert valid.all()
        np.testing.assert_allclose(read, 0.2, rtol=1e-12)

    def test_curvature_of_a_png(self, tmp_path):
        values = np.broadcast_to(np.uint8([130, 126, 77]), (4, 4, 3))
        path = save(tmp_path / "a.png", values)
        info = metadata.curvature_info()
        curvature = reader(info, "uint8", scale=0.5, offset=-64.0)
        read, _ = curvature.read(path)
        assert read[3, 3].tolist() == [1.0, -1.0]
        assert curvature.stored(path, 2)[1, 1].tolist() == [32768 + 64, 32768 - 64]

    def test_far_depth_can_be_stored(self, tmp_path):
        folder = folder_files.write(tmp_path / "photos")
        settings(folder, depth={"unit": "m", "farthest": 2500, "target_scale": 500})
        builder = build(folder)
        info = metadata.DataInfo.from_metadata(builder.info.metadata).tasks["depth"]
        assert info.physical_range[1] == pytest.approx(2500)
        assert info.target_scale == (500.0,)

    def test_every_task_is_stored(self, tmp_path):
        folder = folder_files.write(tmp_path / "photos")
        for name in folder_files.NAMES:
            half = np.full((HEIGHT, WIDTH), 0.5)
            save(folder / "edges" / f"{name}.npy", half)
            save(folder / "reshading" / f"{name}.npy", half)
            save(folder / "normals" / f"{name}.png", folder_files.normals())
            bent = np.broadcast_to([2.0, -1.0], (HEIGHT, WIDTH, 2))
            save(folder / "curvature" / f"{name}.npy", bent)
        builder = build(folder)
        info = metadata.DataInfo.from_metadata(builder.info.metadata)
        assert list(info.tasks) == list(label_maps.CHANNELS)
        assert info.features().keys() == builder.info.features.keys()


class TestExr:
    def test_depth_is_read(self, tmp_path):
        values = np.linspace(1, 9, 24, dtype=np.float32).reshape(4, 6)
        path = write_exr(tmp_path / "a.exr", Z=values)
        assert headers.form_of(path) == headers.Form(4, 6, 1, "float")
        np.testing.assert_array_equal(exr.read_depth(path)[..., 0], values)

    def test_the_channel_called_depth_is_read(self, tmp_path):
        values = np.full((4, 6), 2.5, np.float16)
        color = dict.fromkeys("RGB", np.zeros((4, 6), np.float16))
        path = write_exr(tmp_path / "a.exr", **color, **{"View.Depth.Z": values})
        assert exr.read_depth(path).dtype == np.float32
        assert (exr.read_depth(path) == 2.5).all()

    def test_no_single_channel(self, tmp_path):
        path = write_exr(tmp_path / "a.exr", RGB=np.zeros((4, 6, 3), np.float32))
        with pytest.raises(
            files.DamagedFile, match="a.exr: expected one channel.*B, G"
        ):
            exr.size(path)

    @pytest.mark.parametrize("kept", [0, 5, 100, -20])
    def test_damage(self, tmp_path, kept):
        path = write_exr(tmp_path / "a.exr", Z=np.ones((40, 60), np.float32))
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(files.DamagedFile, match="a.exr: (no readable|truncated)"):
            exr.read_depth(path)

    def test_a_folder_of_exr(self, tmp_path):
        folder = folder_files.write(tmp_path / "photos")
        for name in folder_files.NAMES:
            (folder / "depth" / f"{name}.png").unlink()
            values = np.full((HEIGHT, WIDTH), 3.25, np.float32)
            values[: HEIGHT // 2] = 1e10
            write_exr(folder / "depth" / f"{name}.exr", Z=values)
        settings(folder, depth={"missing": 1e10})
        builder = build(folder)
        depth = stored_depth(builder)
        assert (depth[:32] == 0).all() and (depth[32:] == 3250).all()

    def test_without_the_package(self, tmp_path, monkeypatch):
        path = write_exr(tmp_path / "a.exr", Z=np.ones((4, 6), np.float32))
        monkeypatch.setitem(sys.modules, "OpenEXR", None)
        with pytest.raises(
            ValueError, match="a.exr: to read EXR .* pip install OpenEXR"
        ):
            headers.form_of(path)


def stored_depth(builder) -> np.ndarray:
    skip = {"depth": tfds.decode.SkipDecoding()}
    example = builder.as_data_source("test", decoders=skip)[0]
    return tf.io.decode_png(example["depth"], dtype=tf.uint16).numpy()


def test_colors_differ():
    colors = tables.colors(30)
    distances = [np.abs(np.subtract(a, b)).sum() for a, b in itertools.pairwise(colors)]
    assert len(set(colors)) == 30 and min(distances) > 100
    assert tables.colors(40)[:30] == colors


class TestExample:
    def test_geometry(self):
        scene = example.draw(0, 64)
        depth, normals = scene["depth"], scene["normals"]
        known = depth > 0
        np.testing.assert_allclose(
            np.linalg.norm(normals[known], axis=-1), 1, atol=1e-9
        )
        # The ground rises to the horizon: 1 / depth is linear in the row.
        ground = normals[..., 1] == 1
        rows = np.nonzero(ground[:, 2])[0]
        steps = np.diff(1 / depth[rows, 2])
        np.testing.assert_allclose(steps, 1 / (1.6 * 0.9 * 64), rtol=1e-9)
        # What is seen faces the camera.
        places = (np.arange(64) + 0.5) / 64
        assert (normals[~known] == 0).all() and (normals[ground][:, [0, 2]] == 0).all()
        assert places[rows[0]] > 0.35
        ids = set(np.unique(scene["segmentation"]))
        assert {0, 1, 255} < ids <= {0, 1, 2, 3, 4, 255}

    def test_the_same_again(self, tmp_path):
        for folder in ("a", "b"):
            example.write(tmp_path / folder, 12, 32)
        paths = [p for p in sorted((tmp_path / "a").rglob("*")) if p.is_file()]
        assert len(paths) == 12 + 9 + 6 + 6 + 3
        for path in paths:
            other = tmp_path / "b" / path.relative_to(tmp_path / "a")
            assert path.read_bytes() == other.read_bytes()

    def test_nothing_is_overwritten(self, tmp_path):
        (tmp_path / "mine.txt").touch()
        with pytest.raises(FileExistsError, match="holds something already"):
            example.write(tmp_path, 12, 32)
