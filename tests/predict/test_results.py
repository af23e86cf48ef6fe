"""Picture files, point clouds and predictions in Python, of the stand-in model."""

import numpy as np
import pytest
from PIL import Image

from datasets.metadata import DataInfo, curvature_info, depth_info, segmentation_info
from mgm_tf.predict import __main__ as predict
from mgm_tf.predict import map_files, maps, point_cloud, single
from mgm_tf.predict.point_cloud import Intrinsics
from mgm_tf.predict.predictions import Wanted
from tests import commands
from tests.predict import stand_in


@pytest.fixture
def photo(tmp_path):
    """Left half 51, right half 204: depth 51 and 204 m, a wall and a bed."""
    pixels = np.full((8, 16, 3), 51, np.uint8)
    pixels[:, 8:] = 204
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def call(monkeypatch, *arguments):
    monkeypatch.setattr("mgm_tf.export.versions.load", lambda path: stand_in.model())
    return commands.call(predict, "--saved_model=model", *arguments)


def test_maps_as_picture_files(photo, tmp_path, monkeypatch):
    output = tmp_path / "out"
    arguments = commands.given(input=photo, output=output, results="png")
    assert call(monkeypatch, *arguments) == 0
    assert sorted(path.name for path in output.iterdir()) == [
        "photo.depth.png",
        "photo.normals.png",
        "photo.segmentation.colors.png",
        "photo.segmentation.png",
    ]
    with Image.open(output / "photo.depth.png") as picture:
        assert picture.mode.startswith("I;16")
        millimetres = np.asarray(picture)
    assert millimetres.shape == (8, 16) and millimetres[0, 0] == 51000
    assert millimetres[0, -1] == 65535  # 204 m is more than it holds
    with Image.open(output / "photo.segmentation.png") as picture:
        np.testing.assert_array_equal(np.unique(picture), [0, 1])
    with Image.open(output / "photo.segmentation.colors.png") as picture:
        colors = np.asarray(picture)
    assert tuple(colors[0, 0]) == (0, 200, 0) and tuple(colors[0, -1]) == (0, 0, 200)
    with Image.open(output / "photo.normals.png") as picture:
        assert tuple(np.asarray(picture)[3, 3]) == (128, 128, 255)


def test_depth_in_millimetres_by_hand(tmp_path):
    values = np.array([[0.0, 0.0004, 1.2345, np.nan, -1.0, 70.0]], np.float32)
    info = DataInfo(image_size=4, tasks={"depth": depth_info()}, scene_names=())
    map_files.write(tmp_path / "a.b", info, {"depth": values})
    with Image.open(tmp_path / "a.b.depth.png") as picture:
        pixels = np.asarray(picture)
    np.testing.assert_array_equal(pixels, [[0, 0, 1234, 0, 0, 65535]])


def test_many_classes_take_sixteen_bits_and_other_tasks_their_colors(tmp_path):
    names = [str(number) for number in range(300)]
    tasks = {
        "segmentation": segmentation_info(names, [(0, 0, 0)] * 300),
        "curvature": curvature_info(),
    }
    info = DataInfo(image_size=4, tasks=tasks, scene_names=())
    values = {
        "segmentation": np.array([[0, 299]], np.uint16),
        "curvature": np.zeros((1, 2, 2), np.float32),
    }
    map_files.write(tmp_path / "a", info, values)
    with Image.open(tmp_path / "a.segmentation.png") as picture:
        np.testing.assert_array_equal(np.asarray(picture), [[0, 299]])
    assert (tmp_path / "a.curvature.png").is_file()


def read_ply(path):
    header, _, body = path.read_bytes().partition(b"end_header\n")
    lines = header.decode().splitlines()
    kinds = {"float": "<f4", "uchar": "u1"}
    fields = [
        (line.split()[2], kinds[line.split()[1]])
        for line in lines
        if line.startswith("property")
    ]
    (number,) = (int(line.split()[2]) for line in lines if "element vertex" in line)
    points = np.frombuffer(body, np.dtype(fields))
    assert len(points) == number
    return points


def test_points_by_hand(tmp_path):
    """A pixel one focal length right of and below the centre is at 45 degrees."""
    depth = np.full((300, 21), np.nan, np.float32)
    depth[[10, 280], [20, 10]] = 2.0
    depth[0, 0] = 0.0  # is no depth
    colors = np.zeros((300, 21, 3), np.uint8)
    colors[10, 20] = (1, 2, 3)
    normals = np.zeros((300, 21, 3), np.float32)
    normals[10, 20] = (0, 0, 1)
    camera = Intrinsics(fx=10, fy=10, cx=10, cy=0)
    number = point_cloud.write(tmp_path / "a.ply", depth, colors, camera, normals)
    points = read_ply(tmp_path / "a.ply")
    assert number == len(points) == 2
    assert points[0].tolist() == (2.0, -2.0, -2.0, 0.0, 0.0, 1.0, 1, 2, 3)
    # In the second stripe of rows: 280 rows below are 28 focal lengths.
    assert points[1].tolist()[:3] == (0.0, -56.0, -2.0)


def test_a_point_cloud_of_an_image(photo, tmp_path, monkeypatch):
    output = tmp_path / "out"
    arguments = commands.given(input=photo, output=output, results="ply")
    assert call(monkeypatch, *arguments, "--intrinsics=10,10,7.5,3.5") == 0
    points = read_ply(output / "photo.ply")
    assert len(points) == 8 * 16 and [p.name for p in output.iterdir()] == ["photo.ply"]
    np.testing.assert_allclose(points["z"][0], -51.0)
    np.testing.assert_allclose(points["x"][0], -0.75 * 51, rtol=1e-6)
    assert points["red"][0] == 51 and points["nz"][0] == 1


@pytest.mark.parametrize("values", ["1,2,3", "0,1,2,3", "a,1,2,3", "1,1,nan,2"])
def test_intrinsics_that_are_none_are_refused(
    photo, tmp_path, monkeypatch, values, capfd
):
    arguments = commands.given(input=photo, output=tmp_path / "out", results="ply")
    assert call(monkeypatch, *arguments, f"--intrinsics={values}") == 2
    assert "Expected --intrinsics=fx,fy,cx,cy" in capfd.readouterr().err


def test_point_clouds_need_depth_and_a_camera():
    wanted = Wanted(("ply",))
    with pytest.raises(ValueError, match="needs --intrinsics"):
        wanted.check(stand_in.INFO)
    with pytest.raises(ValueError, match="needs depth; this model predicts curvature"):
        tasks = {"curvature": curvature_info()}
        wanted.check(DataInfo(image_size=4, tasks=tasks, scene_names=()))


def test_other_kinds_of_results_go_beside_those_that_are_there(
    photo, tmp_path, monkeypatch, capfd
):
    arguments = commands.given(input=photo, output=tmp_path / "out")
    assert call(monkeypatch, *arguments) == 0
    assert call(monkeypatch, *arguments, "--results=png") == 0
    assert call(monkeypatch, *arguments, "--results=png") == 2
    assert "4 of the results are there already" in capfd.readouterr().err
    assert call(monkeypatch, *arguments, "--results=png", "--overwrite") == 0


def test_in_python(photo):
    model = stand_in.model()
    pixels = np.asarray(Image.open(photo))
    for image in (photo, str(photo), Image.fromarray(pixels), pixels):
        found = single.predict(model, image)
        assert found["depth"].shape == (8, 16)
        np.testing.assert_allclose(found["depth"][0, 0], 51, rtol=1e-6)
    panel = single.draw(model, Image.fromarray(pixels[..., 0]))
    assert isinstance(panel, Image.Image) and panel.mode == "RGB"
    with pytest.raises(ValueError, match=r"Expected RGB as uint8 .* float64 \[8, 16"):
        single.predict(model, pixels / 255)


def test_a_huge_image_and_a_single_pixel(tmp_path):
    """Colours and numbers of a huge map are made a stripe at a time."""
    info = stand_in.INFO
    for height, width in ((1, 1), (700, 600)):
        outputs = {
            name: values[0].numpy()
            for name, values in stand_in.serve(np.full((1, 4, 4, 3), 51.0)).items()
        }
        arrays = maps.arrays_of(info, outputs, height, width)
        map_files.write(tmp_path / "a", info, arrays)
        with Image.open(tmp_path / "a.normals.png") as picture:
            assert picture.size == (width, height)
            pixels = np.asarray(picture)
            assert (pixels == (128, 128, 255)).all()
