"""What Tiny-Taskonomy is built of: codings, splits, layouts, single frames, files."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

from datasets.files import DamagedFile
from datasets.rooms import rooms
from datasets.tiny_taskonomy import (
    frames,
    generate,
    layout,
    pipeline,
    places,
    splits,
    store,
    tasks,
)
from tests.datasets import taskonomy_files as files


def taught(task: str, physical, coding: str = "taskgrouping"):
    """The target of a physical value, as `TaskInfo` defines it."""
    info = tasks.task_infos()[task].with_coding(coding)
    values = np.asarray(physical, float)
    if info.target_clip:
        values = np.clip(values, *info.target_clip)
    if info.target_log:
        values = np.log1p(values / info.target_log)
    return (values - info.target_shift) / info.target_scale


class TestCodings:
    """Expected numbers are those of the two papers' code, put in by hand."""

    def test_depth(self):
        assert taught("depth", 1500 / 512) == 0
        assert taught("depth", 2500 / 512) == 1
        # log(1 + 2500) / log(65536) = 7.824446 / 11.090355
        np.testing.assert_allclose(
            taught("depth", 2500 / 512, "taskonomy"), 0.7055183, atol=1e-6
        )

    def test_depth_is_kept_raw(self):
        info = tasks.task_infos()["depth"]
        depth, known = info.decode(np.array([[[1024], [65535]]], np.uint16))
        assert depth[0, 0, 0] == 2.0 and known.tolist() == [[True, False]]

    def test_normals(self):
        for coding in ("taskgrouping", "taskonomy"):
            np.testing.assert_array_equal(
                taught("normals", (-1, 0, 1), coding), (-1, 0, 1)
            )
        info = tasks.task_infos()["normals"]
        raw = info.encode(
            np.array([[(-1, 0, 1), (0, 0, 0)]]), np.array([[True, False]])
        )
        assert raw.tolist() == [[[1, 128, 255], [0, 0, 0]]]

    def test_edges(self):
        np.testing.assert_allclose(taught("edges", 718 / 65535), 0, atol=1e-12)
        np.testing.assert_allclose(taught("edges", 1788 / 65535), 1)
        for value, expected in ((0, -1), (0.02, -0.5), (0.08, 1), (0.5, 1)):
            np.testing.assert_allclose(taught("edges", value, "taskonomy"), expected)

    def test_reshading(self):
        np.testing.assert_allclose(taught("reshading", 0.4962 + 0.2846), 1)
        for value, expected in ((0, -1), (0.5, 0), (1, 1)):
            np.testing.assert_allclose(
                taught("reshading", value, "taskonomy"), expected
            )

    def test_curvature(self):
        info = tasks.task_infos()["curvature"]
        codes = np.array([[[127, 127], [254, 1], [165, 89], [255, 255]]], np.uint8)
        curvature, known = info.decode(codes)
        # 254 is a sphere of 3 cm; (165 - 127) / 127 / 0.03 = 9.97375
        np.testing.assert_allclose(
            curvature[0, :3],
            [(0, 0), (1 / 0.03, -126 / 127 / 0.03), (9.97375, -9.97375)],
            atol=1e-5,
        )
        assert known.tolist() == [[True, True, True, False]]
        # (127 / 255 - 0.5175) / 0.1373 and (127 / 255 - 0.4987) / 0.0359
        np.testing.assert_allclose(
            taught("curvature", (0, 0)), (-0.141738, -0.018407), atol=1e-5
        )
        # (127 - 123.572) / 31.922 and (127 - 120.1) / 21.658
        np.testing.assert_allclose(
            taught("curvature", (0, 0), "taskonomy"), (0.107387, 0.318589), atol=1e-6
        )

    def test_classes(self):
        info = tasks.task_infos()["segmentation"]
        assert len(info.class_names) == len(set(info.class_colors)) == 17
        # Label 2 of the files is the first object, 17 the last.
        assert info.class_names[1] == "bottle" and info.class_names[16] == "vase"


class TestSplits:
    def test_the_papers_counts(self):
        names = [f"{number:06d}" for number in range(358426)]
        split = splits.random_splits(names, names)
        assert np.bincount(split).tolist() == [286740, 35842, 35844]

    def test_the_order_of_reading_does_not_matter(self):
        names = [f"point_{number}" for number in range(50)]
        split = dict(zip(names, splits.random_splits(names, names), strict=True))
        turned = names[::-1]
        again = dict(zip(turned, splits.random_splits(turned, turned), strict=True))
        assert split == again
        # The first of numpy.random.default_rng(0).permutation(50) trains.
        first = sorted(names)[np.random.default_rng(0).permutation(50)[0]]
        assert split[first] == 0

    def test_official(self):
        split = splits.official_splits(["a"] * 3, ["ihlen", "merom", "darden"])
        assert split.tolist() == [2, 0, 1]
        with pytest.raises(
            ValueError, match="'test' is empty.*ihlen.*found only.*merom"
        ):
            splits.official_splits(["a"] * 2, ["merom", "darden"])

    def test_buildings_of_a_protocol(self):
        found = ["ihlen", "coffeen", "my_house"]
        selection = {
            name: splits.choose_buildings(name, found) for name in splits.PROTOCOLS
        }
        assert selection == {
            "random": ["coffeen", "ihlen", "my_house"],
            "official": ["coffeen", "ihlen"],
            "three_buildings": ["coffeen"],
        }
        with pytest.raises(ValueError, match="allensville.*found only my_house"):
            splits.choose_buildings("three_buildings", ["my_house"])

    def test_the_most_frequent_scenes(self):
        scenes = np.array([7, 7, 3, 3, 9, 5, 5, 5])
        assert splits.frequent_scenes(scenes, 2) == {3: 2, 5: 3}
        assert splits.frequent_scenes(scenes, 35) == {3: 2, 5: 3, 7: 2, 9: 1}

    def test_official_lists(self, real_data):
        text = (real_data / "taskonomy" / "tiny_split.csv").read_text()
        rows = [line.split(",") for line in text.split()]
        for column, split in enumerate(splits.SPLITS, start=1):
            listed = [row[0] for row in rows[1:] if row[column] == "1"]
            assert splits.OFFICIAL[split] == tuple(listed)

    def test_names_of_places(self, real_data):
        text = (real_data / "taskonomy" / "places_class_names.txt").read_text()
        listed = [line.strip("'") for line in text.split()]
        assert [f"/{name[0]}/{name}" for name in places.NAMES] == listed


class TestLayout:
    @pytest.mark.parametrize("kind", ["domains", "archives", "taskgrouping"])
    def test_many_buildings(self, tmp_path, kind):
        files.write(tmp_path, {"merom": 2, "ihlen": 1}, kind)
        found = layout.find_buildings(tmp_path)
        assert list(found) == ["ihlen", "merom"]
        assert layout.choose_domains(list(found.values()))[:2] == ("rgb", "class_scene")
        listed = layout.list_frames(found["merom"])
        assert list(listed) == ["merom_point_0_view_0", "merom_point_1_view_0"]
        path = listed["merom_point_1_view_0"]["segment_semantic"]
        assert str(path) == str(
            files.file(tmp_path, "merom", 1, "segment_semantic", kind)
        )

    def test_one_building(self, tmp_path):
        root = tmp_path / "sample_house"
        files.write(root, {"any": 2}, "flat")
        (root / "class_scene").rename(root / "class_places")
        (building,) = layout.find_buildings(root).values()
        assert building.name == "sample_house"
        assert len(layout.list_frames(building)) == 2
        assert "class_scene" in building.domains

    def test_an_inner_folder(self, tmp_path):
        files.write(tmp_path / "a", {"merom": 1})
        for folder in (tmp_path / "a").iterdir():
            (folder / "merom").rename(folder / "taskonomy")
            (folder / "taskonomy").rename(folder / "m")
            (folder / "taskonomy").mkdir()
            (folder / "m").rename(folder / "taskonomy" / "merom")
        assert list(layout.find_buildings(tmp_path / "a")) == ["merom"]

    def test_views_are_not_confused(self, tmp_path):
        for name in ("point_1_view_1_domain_rgb.png", "point_1_view_12_domain_rgb.png"):
            files.save(tmp_path / "rgb" / "merom" / name, np.zeros((4, 4, 3), np.uint8))
        (building,) = layout.find_buildings(tmp_path).values()
        assert list(layout.list_frames(building)) == [
            "merom_point_1_view_1",
            "merom_point_1_view_12",
        ]

    def test_a_wrong_folder(self, tmp_path):
        (tmp_path / "holiday").mkdir()
        with pytest.raises(ValueError, match="(?s)Expected one of.*BUILDING.*holiday"):
            layout.find_buildings(tmp_path)

    def test_twice(self, tmp_path):
        files.write(tmp_path, {"merom": 1})
        files.write(tmp_path, {"merom": 1}, "archives")
        with pytest.raises(ValueError, match="of the building 'merom' is there twice"):
            layout.find_buildings(tmp_path)

    def test_kinds_of_depth_are_not_mixed(self, tmp_path):
        files.write(tmp_path, {"merom": 1, "ihlen": 1})
        depth = tmp_path / "depth_zbuffer" / "merom"
        other = tmp_path / "depth_euclidean" / "merom"
        shutil.copytree(depth, other)
        buildings = list(layout.find_buildings(tmp_path).values())
        assert "depth_euclidean" not in layout.choose_domains(buildings)
        shutil.rmtree(depth)
        buildings = list(layout.find_buildings(tmp_path).values())
        with pytest.raises(ValueError, match="cannot be mixed.*of merom"):
            layout.choose_domains(buildings)

    @pytest.mark.parametrize("domain", ["rgb", "class_scene", "normal"])
    def test_a_building_without_a_domain(self, tmp_path, domain):
        files.write(tmp_path, {"merom": 1, "ihlen": 1})
        shutil.rmtree(tmp_path / domain / "merom")
        buildings = list(layout.find_buildings(tmp_path).values())
        with pytest.raises(ValueError, match=f"{domain}' is missing of merom"):
            layout.choose_domains(buildings)

    def test_no_labels(self, tmp_path):
        files.write(tmp_path, {"merom": 1})
        for folder in tmp_path.iterdir():
            if folder.name not in ("rgb", "class_scene"):
                shutil.rmtree(folder)
        with pytest.raises(ValueError, match="no label maps; expected any of segment"):
            layout.choose_domains(list(layout.find_buildings(tmp_path).values()))


def read(folder, number=0, size=64):
    """The frame that `files` wrote, decoded, as stored: by task."""
    (building,) = layout.find_buildings(folder).values()
    paths = layout.list_frames(building)[f"{building.name}_point_{number}_view_0"]
    stored = frames.read_frame(paths, tasks.task_infos(), size)
    return {name: np.asarray(Image.open(_file(data))) for name, data in stored.items()}


def _file(data):
    return io.BytesIO(data)


class TestFrames:
    @pytest.fixture
    def folder(self, tmp_path):
        return files.write(tmp_path, {"merom": 1})

    def test_mask_valid(self, folder):
        mask = np.full((files.SIZE, files.SIZE), 255, np.uint8)
        mask[:, 100] = 0
        files.save(files.file(folder, "merom", 0, "mask_valid"), mask)
        maps = read(folder)
        # Columns 99, 100 and 101; the cell of 98 and 99 has its centre at 99.
        assert np.flatnonzero(maps["depth"][40] == 65535).tolist() == [49, 50]
        assert np.flatnonzero(~maps["normals"][40].any(-1)).tolist() == [50]
        assert np.flatnonzero(maps["reshading"][40] == 0).tolist() == [50]
        assert (maps["edges"] > 0).all()

    def test_far_and_zero_depth(self, folder):
        depth = np.full((files.SIZE, files.SIZE), 64499, np.uint16)
        depth[20, 20], depth[60, 60] = 64500, 0
        files.save(files.file(folder, "merom", 0, "depth_zbuffer"), depth)
        rows, columns = np.nonzero(read(folder)["depth"] == 65535)
        # Centres are odd: of 19..21, 19 and 21; of 59..61 likewise.
        assert set(zip(rows.tolist(), columns.tolist(), strict=True)) == {
            (i, j) for pair in ((9, 10), (29, 30)) for i in pair for j in pair
        }

    def test_the_strongest_curvature(self, folder):
        path = files.file(folder, "merom", 0, "principal_curvature")
        codes = np.zeros((files.SIZE, files.SIZE, 3), np.uint8)
        codes[:, 64:, :2] = 0, 254
        codes[:, 96:, :2] = 254, 255
        files.save(path, codes)
        stored = read(folder)["curvature"][20]
        # (0, 0) is where nothing was hit.
        assert (stored[:32] == 255).all()
        assert (stored[32:48] == (0, 254)).all() and (stored[48:] == 254).all()

    def test_grey_as_rgb(self, folder):
        path = files.file(folder, "merom", 0, "segment_semantic")
        labels = np.asarray(Image.open(path))
        files.save(path, np.repeat(labels[..., None], 3, axis=-1))
        assert read(folder)["segmentation"][9, 60] == 2
        files.save(path, np.stack([labels, labels, 0 * labels], axis=-1))
        with pytest.raises(DamagedFile, match="expected grey, found colours"):
            read(folder)

    def test_maps_of_another_size(self, folder):
        path = files.file(folder, "merom", 0, "reshading")
        files.save(path, np.zeros((64, 128, 3), np.uint8))
        with pytest.raises(DamagedFile, match=r"\(128, 128\).*\(64, 128\)"):
            read(folder)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            (np.zeros(365), "all alike"),
            (np.arange(63.0), r"\(365,\), found \(63,\)"),
            (np.array(["a"] * 365), "no array of NumPy"),
            (np.array([{}], object), "no array of NumPy"),
        ],
    )
    def test_damaged_scenes(self, tmp_path, values, message):
        np.save(tmp_path / "scene.npy", values, allow_pickle=True)
        with pytest.raises(DamagedFile, match=message):
            frames.read_scene(tmp_path / "scene.npy")

    def test_truncated_scene(self, tmp_path):
        np.save(tmp_path / "scene.npy", np.arange(365.0))
        path = tmp_path / "scene.npy"
        assert frames.read_scene(path) == 364
        path.write_bytes(path.read_bytes()[:-8])
        with pytest.raises(DamagedFile, match="2920 bytes expected, found 2912"):
            frames.read_scene(path)


def test_chunks(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FRAMES_A_CHUNK", 2)
    rows = [["a", 1], ["b", 2], ["c", 3]]
    first, second = store.chunks_of("merom", rows, [64])
    assert (first.start, first.stop, len(second)) == (0, 2, 1)
    changed = store.chunks_of("merom", [*rows[:2], ["c", 4]], [64])
    assert changed[0] == first and changed[1].print != second.print
    assert store.chunks_of("merom", rows, [128])[0].print != first.print

    where = store.Store(str(tmp_path))
    where.write(first, [("a", {"depth": b"1", "image": b"2"}), ("b", {"depth": b"3"})])
    assert not where.done("merom")
    row = {"name": "x", "file": "f", "reason": "r"}
    where.write_report(first, store.Report(["a", "b"], [5, 6], [row]))
    assert where.done("merom") == {first.stem: 1}
    assert where.read_report(first).scenes == [5, 6]
    assert list(where.read(first, ["b", "a"])) == [
        ("b", {"depth": b"3"}),
        ("a", {"depth": b"1", "image": b"2"}),
    ]
    where.remove_others("merom", [second])
    assert not where.done("merom")


def test_errors_of_workers_are_one_sentence(tmp_path):
    where = store.Store(str(tmp_path))
    message = "pages\nPermissionError: cannot write x [while running 'a']"
    with (
        pytest.raises(PermissionError, match="^cannot write x \\(Decoded frames"),
        pipeline._told_shortly(where),
    ):
        raise RuntimeError(message)
    with pytest.raises(RuntimeError, match="KeyError"), pipeline._told_shortly(where):
        raise RuntimeError("pages\nKeyError: 'a'")


def test_generated_frames(tmp_path):
    generate.main(
        f"--output={tmp_path} --buildings=2 --frames=2 --size=64 --distinct=3".split()
    )
    found = layout.find_buildings(tmp_path)
    assert list(found) == ["allensville", "wiconisco"]
    names = list(layout.list_frames(found["wiconisco"]))
    assert names == ["wiconisco_point_0_view_0", "wiconisco_point_1_view_0"]
    domains = layout.choose_domains(list(found.values()))
    infos = tasks.task_infos(domains)
    assert list(infos) == list(tasks.DOMAINS)
    # The fourth is another name of the second, a bedroom.
    paths = layout.list_frames(found["wiconisco"])[names[1]]
    assert places.NAMES[frames.read_scene(paths["class_scene"])] == "bedroom"
    # What is read is what was drawn, but for 8 bits and the hole.
    exact = rooms.room_of(0, "train", 1, 64).maps
    stored = frames.read_frame(paths, infos, 64)
    raw = np.asarray(Image.open(_file(stored["depth"])))[..., None]
    depth, known = infos["depth"].decode(raw)
    assert not known[:5, :5].any() and known.sum() == 64 * 64 - 25
    assert abs(depth[..., 0] - exact["depth"])[known].max() <= 1 / 1024
    raw = np.asarray(Image.open(_file(stored["normals"])))
    normals, known = infos["normals"].decode(raw)
    assert abs(normals - exact["normals"])[known].max() < 0.02
