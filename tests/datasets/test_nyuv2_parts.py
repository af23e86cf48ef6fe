"""The parts of the NYUv2 builder that need no file of frames."""

import numpy as np
import pytest
import scipy.io
from PIL import Image

from datasets.nyuv2 import class_mapping, classes, normals_images, splits
from datasets.nyuv2.normals_from_depth import normals_from_depth

# Viewing rays of the colour camera at 640x480: columns to the right, rows downwards.
U = (np.arange(640) - 325.582) / 518.858 + np.zeros((480, 1))
V = (np.arange(480)[:, None] - 253.736) / 519.470 + np.zeros(640)
OWN = list(classes.CLASS_NAMES[:37])


def test_names_become_classes():
    names = ["mug", "door  window  reflection", "coffee table", *OWN]
    table = classes.class_table(names)
    # Other prop, other structure, other furniture, then the 37 by themselves.
    assert table.tolist() == [255, 39, 37, 38, *range(37)]


def test_number_of_names_of_other_classes():
    listed = classes._listed(classes._OTHER_STRUCTURE)
    assert len(set(listed)) == 68 and "stairs" in listed
    listed = classes._listed(classes._OTHER_FURNITURE)
    assert len(set(listed)) == 82 and "ironing board" in listed


def test_names_of_another_data_set_are_refused():
    with pytest.raises(ValueError, match="found 36 names without 'bag'"):
        classes.class_table(OWN[:-1])


def test_colours_differ():
    colors = classes.class_colors()
    assert len(set(colors)) == 40 and (0, 0, 0) not in colors
    # Class 5 is number 6 = 110 in binary: green and blue.
    assert colors[5] == (0, 128, 128)


def write_mapping(path, names, numbers):
    cells = np.array([[np.array(name)] for name in names], dtype=object).T
    scipy.io.savemat(path, {"mapClass": [numbers], "allClassName": cells})


def test_mapping_file_is_read(tmp_path):
    path = tmp_path / "classMapping40.mat"
    write_mapping(path, ["book", "wall"], [40, 1])
    table = class_mapping.read_class_table(path, ["book", "wall"])
    assert table.tolist() == [255, 39, 0]


@pytest.mark.parametrize(
    ("names", "numbers", "message"),
    [
        (["wall"], [1], "maps 1 of 1 names, but the labelled frames have 2"),
        (["wall", "book"], [1, 40], "these lists must be the same"),
        (["book", "wall"], [41, 1], "expected classes 1..40"),
    ],
)
def test_mapping_file_that_contradicts_is_refused(tmp_path, names, numbers, message):
    path = tmp_path / "classMapping40.mat"
    write_mapping(path, names, numbers)
    with pytest.raises(ValueError, match=message):
        class_mapping.read_class_table(path, ["book", "wall"])


def test_mapping_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "classMapping40.mat"
    path.write_bytes(b"no MATLAB file, and long enough to be looked at" * 9)
    with pytest.raises(ValueError, match="classMapping40.mat: expected a MATLAB file"):
        class_mapping.read_class_table(path, ["book", "wall"])


@pytest.mark.parametrize(
    ("protocol", "sizes"), [("paper", (1049, 200, 200)), ("official", (716, 79, 654))]
)
def test_splits_share_out_all_frames(protocol, sizes):
    parts = splits.BY_FRAME[protocol](1449)
    assert list(parts) == ["train", "validation", "test"]
    assert tuple(len(indices) for indices in parts.values()) == sizes
    together = np.concatenate(list(parts.values()))
    assert sorted(together) == list(range(1449))


def test_paper_split_is_always_the_same():
    parts = splits.paper_splits(1449)
    assert parts["train"][:5].tolist() == [2, 5, 8, 12, 13]
    assert parts["validation"][:5].tolist() == [0, 6, 10, 11, 14]


def test_paper_split_keeps_its_proportions():
    # 72.4 %, 13.8 %, 13.8 % of 100 frames.
    sizes = [len(indices) for indices in splits.paper_splits(100).values()]
    assert sizes == [72, 14, 14]
    with pytest.raises(ValueError, match="at least 6 frames"):
        splits.paper_splits(5)


def test_official_split():
    parts = splits.official_splits(1449)
    training = {*parts["train"], *parts["validation"]}
    # Known members of the official lists, counted from 1.
    assert all(number - 1 in training for number in (3, 8, 10, 1436, 1440))
    assert all(number - 1 in parts["test"] for number in (1, 2, 9, 14, 1441, 1449))
    with pytest.raises(ValueError, match="all 1449 frames, but the file holds 795"):
        splits.official_splits(795)


def test_official_validation_is_whole_runs():
    held_out = set(splits.official_splits(1449)["validation"])
    for first, last in splits.official_train_runs():
        run = set(range(first - 1, last))
        assert run <= held_out or not run & held_out


def recordings(counts):
    """Returns the scenes and types of frames; counts: frames of each recording."""
    scenes = [name for name, count in counts.items() for _ in range(count)]
    return scenes, [name.rpartition("_")[0] for name in scenes]


def test_no_recording_is_in_two_parts_of_the_scene_split():
    counts = {f"kitchen_{k:04d}": 1 + k % 5 for k in range(60)}
    counts |= {f"bedroom_{k:04d}": 2 for k in range(45)} | {"cafe_0000": 30}
    # 60 recordings of 1 to 5 frames are 180, with 90 and 30 others 300.
    scenes, types = recordings(counts)
    parts = splits.scene_splits(scenes, types)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(300))
    # round(300 * 1049 / 1449) and round(300 * 200 / 1449).
    assert [len(parts[k]) for k in ("train", "validation", "test")] == [217, 41, 42]
    seen = {name: {scenes[k] for k in indices} for name, indices in parts.items()}
    assert not seen["train"] & seen["validation"]
    assert not seen["test"] & (seen["train"] | seen["validation"])
    # The only recording of its type trains; two thirds of the others are kitchens.
    assert "cafe_0000" in seen["train"]
    kitchens = sum(types[k] == "kitchen" for k in parts["test"])
    assert 42 * 2 / 3 - 5 <= kitchens <= 42 * 2 / 3 + 5


def test_parts_of_a_recording_stay_together():
    scenes, types = recordings(
        {f"den_{k:04d}{part}": 1 for k in range(9) for part in "ab"}
    )
    for indices in splits.scene_splits(scenes, types).values():
        numbers = [scenes[k][:-1] for k in indices]
        assert all(numbers.count(number) == 2 for number in numbers)


def test_scene_split_needs_recordings():
    with pytest.raises(ValueError, match="there are 2 recordings of 2 types"):
        splits.scene_splits(*recordings({"den_0001": 30, "cafe_0001": 30}))
    with pytest.raises(ValueError, match="at least 6 frames"):
        splits.scene_splits(*recordings({f"den_{k:04d}": 1 for k in range(5)}))


@pytest.mark.parametrize(
    ("normal", "depth"),
    [
        # Points (u z, -v z, -z) of a plane at distance d have normal . point = -d.
        ((0, 0, 1), np.full((480, 640), 2.5)),
        ((0, 0.6, 0.8), 2 / (0.8 + 0.6 * V)),
        ((-0.6, 0, 0.8), 2 / (0.8 + 0.6 * U)),
    ],
)
def test_normals_of_a_plane(normal, depth):
    normals, valid = normals_from_depth(depth.astype(np.float32))
    assert valid[44:471, 40:601].all()
    np.testing.assert_allclose(normals[valid], [normal] * valid.sum(), atol=1e-3)


def test_normals_at_any_size():
    # Every fourth ray: the centre of a 4x4 block of pixels.
    v = V.reshape(120, 4, 160, 4).mean(axis=(1, 3))
    normals, valid = normals_from_depth(2 / (0.8 + 0.6 * v))
    np.testing.assert_allclose(normals[valid], [(0, 0.6, 0.8)] * valid.sum(), atol=1e-5)


def test_normals_only_where_there_is_one_measured_surface():
    depth = np.full((480, 640), 1.0)
    depth[:, 320:] = 3
    depth[200, 100] = 0
    _, valid = normals_from_depth(depth)
    # Windows reach ten pixels. Rows 44..470 and columns 40..600 were measured.
    assert valid[300, [40, 309, 330, 600]].all()
    assert not valid[300, [39, 319, 320, 601]].any()
    assert valid[[44, 470], 200].all() and not valid[[43, 471], 200].any()
    assert not valid[190:211, 90:111].any() and valid[[189, 211], 100].all()


def write_normals(folder, number, rgb, shape=(48, 64)):
    folder.mkdir(exist_ok=True)
    png = np.full((*shape, 3), rgb, np.uint8)
    png[20, 30] = 255
    Image.fromarray(png).save(folder / f"{number:04d}.png")


def test_normals_images_turn_to_our_axes(tmp_path):
    write_normals(tmp_path / "normals", 3, (128, 26, 204))
    normals, valid = normals_images.find_normals(tmp_path)(2, np.ones((48, 64)))
    # (right, away, up) = (0, -0.8, 0.6): up and towards the camera.
    np.testing.assert_allclose(normals[0, 0], (0, 0.6, 0.8), atol=0.005)
    assert np.argwhere(~valid).tolist() == [[20, 30]]


def test_masks_of_normals_images(tmp_path):
    write_normals(tmp_path / "normals", 1, (128, 0, 128))
    (tmp_path / "normals_masks").mkdir()
    mask = np.full((48, 64), 255, np.uint8)
    mask[0, 5] = 0
    Image.fromarray(mask).save(tmp_path / "normals_masks" / "0001.png")
    _, valid = normals_images.find_normals(tmp_path)(0, np.ones((48, 64)))
    assert np.argwhere(~valid).tolist() == [[0, 5], [20, 30]]


def test_normals_images_must_fit_the_depth(tmp_path):
    depth = np.full((48, 64), 2.0)
    write_normals(tmp_path / "normals", 1, (128, 0, 128))  # towards the camera
    write_normals(tmp_path / "normals", 2, (128, 128, 255))  # up
    images = normals_images.find_normals(tmp_path)
    images.check([(0, depth)])
    with pytest.raises(ValueError, match="normals are 90 degrees"):
        images.check([(1, depth)])
    with pytest.raises(ValueError, match="0003.png is missing. Every frame needs"):
        images(2, depth)
    with pytest.raises(ValueError, match=r"0001.png: expected \(24, 32\) pixels"):
        images(0, depth[:24, :32])


def test_the_zero_vector_is_no_normal(tmp_path):
    write_normals(tmp_path / "normals", 1, (128, 0, 128))
    path = tmp_path / "normals" / "0001.png"
    png = np.array(Image.open(path))
    png[3, 4] = (127, 128, 128)
    Image.fromarray(png).save(path)
    normals, valid = normals_images.find_normals(tmp_path)(0, np.ones((48, 64)))
    assert np.argwhere(~valid).tolist() == [[3, 4], [20, 30]]
    assert np.isfinite(normals).all()


@pytest.mark.parametrize(
    ("color", "length"), [((0, 0, 0), "1.73"), ((128, 90, 128), "0.29")]
)
def test_what_is_no_unit_vector_is_refused(tmp_path, color, length):
    write_normals(tmp_path / "normals", 7, (128, 0, 128))
    path = tmp_path / "normals" / "0007.png"
    png = np.array(Image.open(path))
    png[3, 4:6] = color
    Image.fromarray(png).save(path)
    with pytest.raises(ValueError) as refusal:
        normals_images.find_normals(tmp_path)(6, np.ones((48, 64)))
    message = str(refusal.value)
    assert message.startswith(
        f"{path}: 2 pixels are no unit vectors. In row 3 and column 4"
    )
    assert f"= {color} has the length {length}." in message


def test_normals_of_another_form_are_refused(tmp_path):
    folder = tmp_path / "normals"
    folder.mkdir()
    grey = np.zeros((48, 64), np.uint8)
    Image.fromarray(grey).save(folder / "0001.png")
    Image.fromarray(grey.astype(np.uint16)).save(folder / "0002.png")
    write_normals(folder, 3, (128, 0, 128))
    data = (folder / "0003.png").read_bytes()
    (folder / "0003.png").write_bytes(data[:-9])
    images = normals_images.find_normals(tmp_path)
    for number, reason in (
        (1, "expected 3 channels, found 1"),
        (2, "expected 8 bits a channel, found 16; expected 3 channels, found 1"),
        (3, "truncated PNG"),
    ):
        with pytest.raises(ValueError, match=f"000{number}.png: {reason}"):
            images(number - 1, np.ones((48, 64)))


def test_a_mask_of_another_size_is_refused(tmp_path):
    write_normals(tmp_path / "normals", 1, (128, 0, 128))
    (tmp_path / "normals_masks").mkdir()
    Image.new("1", (64, 40)).save(tmp_path / "normals_masks" / "0001.png")
    with pytest.raises(ValueError, match=r"masks/0001.png: expected \(48, 64\) pixels"):
        normals_images.find_normals(tmp_path)(0, np.ones((48, 64)))


def test_normals_images_count_from_one(tmp_path):
    write_normals(tmp_path / "normals", 0, (128, 0, 128))
    with pytest.raises(ValueError, match="count from 0001"):
        normals_images.find_normals(tmp_path)


def test_real_normals_and_depth_agree(real_data):
    folder = real_data / "nyuv2" / "complete_frames"
    images = normals_images.find_normals(folder)
    angles = []
    for number in (62, 296, 775, 1315):
        with Image.open(folder / "depth" / f"{number:04d}.png") as png:
            depth = np.asarray(png) / np.float32(1000)
        angles.append(normals_images._angles(depth, *images(number - 1, depth)))
    angles = np.degrees(np.concatenate(angles))
    assert np.median(angles) < 3 and np.mean(angles) < 6
