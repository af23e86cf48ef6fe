"""Rooms in the form of NYU Depth V2's file: built, they are what was drawn."""

import h5py
import numpy as np
import pytest

from datasets.metadata import DataInfo
from datasets.nyuv2 import classes, generate, labeled_mat
from datasets.rooms import labels, rooms
from tests.datasets import test_nyuv2

FRAMES = 8
SIZE = 64


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(what the data are, examples by name)."""
    folder = tmp_path_factory.mktemp("nyuv2")
    generate.main([f"--output={folder / 'manual'}", f"--frames={FRAMES}"])
    builder = test_nyuv2.build(folder / "manual")
    info = DataInfo.from_metadata(builder.info.metadata)
    return info, test_nyuv2.examples(builder)


def test_frames_build(built):
    info, by_name = built
    # round(8 * 1049 / 1449) = 6 and round(8 * 200 / 1449) = 1.
    assert info.notes.startswith("8 frames: 6 train, 1 validation, 1 test.")
    assert sorted(by_name) == [f"{number:04d}" for number in range(1, FRAMES + 1)]
    scenes = [classes.SCENE_NAMES[by_name[name]["scene"]] for name in sorted(by_name)]
    assert scenes == [
        *("bathroom", "bedroom", "classroom", "foyer", "dining_room", "kitchen"),
        *("laundry_room", "bookstore"),
    ]


def test_classes_of_a_frame(built):
    """Seen in the pictures of the first two: a bathroom and a bedroom."""
    _, by_name = built
    # Rows and columns of 120 x 160 pixels; those of 64 x 64 cells are at 1.875 and 2.5.
    seen = {
        ("0001", 30, 150): "wall",
        ("0001", 90, 10): "bathtub",
        ("0001", 70, 80): "cabinet",
        ("0001", 94, 140): "toilet",
        ("0001", 110, 80): "floor",
        ("0002", 90, 90): "bed",
        ("0002", 60, 10): "curtain",
        ("0002", 20, 90): "wall",
    }
    for (name, row, column), expected in seen.items():
        number = by_name[name]["segmentation"][int(row / 1.875), int(column / 2.5), 0]
        assert classes.CLASS_NAMES[number] == expected, (name, row, column)


def test_depth_and_missing_labels(built):
    _, by_name = built
    frame = generate.frame(3)
    centres = np.ix_(
        [(2 * k + 1) * 120 // 128 for k in range(SIZE)],
        [(2 * k + 1) * 160 // 128 for k in range(SIZE)],
    )
    example = by_name["0004"]
    millimetres = 1000 * frame.depth[centres]
    np.testing.assert_allclose(example["depth"][..., 0], millimetres, atol=0.501)
    unknown = example["segmentation"][..., 0] == 255
    np.testing.assert_array_equal(unknown, frame.labels[centres] == 0)
    # Borders of things only.
    assert 0.01 < unknown.mean() < 0.2


@pytest.mark.parametrize("index", [0, 1, 5])
def test_the_floor_is_level(built, index):
    """The normals that the builder fits are those of the room: the camera is NYU's."""
    info, by_name = built
    rng = np.random.default_rng([0, index])
    camera = rooms.TYPES[rooms.TYPE_NAMES[index]](rng).camera
    upwards = camera.rotation.T @ (0, 1, 0)  # in the camera's axes
    example = by_name[f"{index + 1:04d}"]
    normals, valid = info.tasks["normals"].decode(example["normals"])
    floor = example["segmentation"][..., 0] == classes.CLASS_NAMES.index("floor")
    cosines = (normals @ upwards)[floor & valid]
    assert len(cosines) > 100
    # A camera of another focal length by a tenth is 1 to 3 degrees off.
    assert np.median(cosines) > np.cos(np.radians(0.5))


def test_every_class_has_a_class_of_nyu():
    table = classes.class_table(list(generate.ALL_NAMES))
    by_name = {
        name: classes.CLASS_NAMES[table[1 + generate.ALL_NAMES.index(nyu)]]
        for name, nyu in generate.NAMES.items()
    }
    renamed = {
        "refrigerator": "refridgerator",
        "shelf": "shelves",
        "rug": "floor mat",
        "stove": "otherstructure",
        "washing_machine": "otherfurniture",
        "plant": "otherprop",
        "other": "otherprop",
    }
    assert by_name == {name: name for name in labels.CLASS_NAMES} | renamed
    assert set(generate.SCENES) == set(rooms.TYPE_NAMES)
    assert set(generate.SCENES.values()) <= set(classes.SCENE_NAMES)


def test_frames_are_a_function_of_seed_and_number(tmp_path):
    generate.write(tmp_path, 6, seed=3)
    with labeled_mat.LabeledMat(tmp_path / labeled_mat.FILE_NAME) as mat:
        written = mat.frame(4)
    again, other = generate.frame(4, seed=3), generate.frame(4, seed=4)
    np.testing.assert_array_equal(written.image, again.image)
    np.testing.assert_array_equal(written.depth, again.depth)
    np.testing.assert_array_equal(written.labels, again.labels)
    assert written.scene_type == again.scene_type == other.scene_type == "dining_room"
    assert (other.image != again.image).mean() > 0.5


def test_the_file_is_laid_out_as_matlab_does(tmp_path):
    generate.write(tmp_path, 6)
    with h5py.File(tmp_path / "nyu_depth_v2_labeled.mat") as file:
        assert file["images"].shape == (6, 3, 160, 120)
        assert file["names"].shape == (1, len(generate.ALL_NAMES))
        codes = file[file["sceneTypes"][0, 0]][()]
    assert codes.shape == (8, 1) and codes.dtype == np.uint16
    assert bytes(codes.ravel().astype(np.uint8)) == b"bathroom"


def test_too_few_frames(tmp_path, capsys):
    with pytest.raises(ValueError, match="at least 6 frames, not 5"):
        generate.write(tmp_path, 5)
    with pytest.raises(SystemExit):
        generate.main([f"--output={tmp_path}", "--frames=5"])
    assert "--frames is at least 6" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
