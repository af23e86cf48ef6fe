"""From files to panels and arrays, with a stand-in for the exported model."""

import dataclasses
import os
import types

import numpy as np
import pytest
from PIL import Image

from mgm_tf.plotting import tiles
from mgm_tf.predict import __main__ as predict
from mgm_tf.predict import image_files, predictions
from tests.predict import stand_in
from tests.predict.stand_in import INFO


@pytest.fixture
def model():
    return stand_in.model()


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "photos"
    path.mkdir()
    return path


def photo(path, value=51, size=(20, 30), channels=(3,)):
    Image.fromarray(np.full((*size, *channels), value, np.uint8)).save(path)


def run(model, folder, **options):
    output = folder.parent / "out"
    jobs = predictions.plan(folder, output, **options)
    return output, predictions.predict(model, jobs, batch_size=2)


def test_arrays_are_in_the_resolution_of_the_image(model, folder):
    photo(folder / "a.png")
    output, failures = run(model, folder)
    assert failures == 0
    with np.load(output / "a.npz") as arrays:
        shapes = {name: arrays[name].shape for name in arrays}
        np.testing.assert_allclose(arrays["depth"], np.full((20, 30), 51.0), rtol=1e-6)
        np.testing.assert_array_equal(arrays["segmentation"], np.zeros((20, 30)))
        np.testing.assert_array_equal(arrays["normals"][5, 5], [0, 0, 1])
        np.testing.assert_allclose(arrays["scene_probabilities"], [0.8, 0.2], rtol=1e-6)
        assert arrays["segmentation"].dtype == np.uint8
        assert arrays["depth"].dtype == arrays["normals"].dtype == np.float32
    assert shapes == {
        "depth": (20, 30),
        "segmentation": (20, 30),
        "normals": (20, 30, 3),
        "scene_probabilities": (2,),
    }
    with Image.open(output / "a.panel.png") as picture:
        panel = np.asarray(picture)
    assert (panel == (0, 200, 0)).all(axis=-1).sum() > 120 * 180  # wall, 6 times larger


def test_results_of_subfolders_are_in_subfolders(model, folder):
    (folder / "trip").mkdir()
    photo(folder / "a.png")
    photo(folder / "trip" / "a.png")
    output, failures = run(model, folder)
    assert failures == 0
    for name in ("a", "trip/a"):
        assert (output / f"{name}.npz").exists()
        assert (output / f"{name}.panel.png").exists()


def test_the_sound_files_are_done_and_the_others_named(model, folder, capsys):
    photo(folder / "good.png")
    photo(folder / "grey.png", size=(7, 5), channels=())
    photo(folder / "rgba.png", size=(6, 8), channels=(4,))
    photo(folder / "whole.jpg", size=(64, 64))
    whole = (folder / "whole.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[:-60])
    (folder / "text.png").write_text("no image")
    output, failures = run(model, folder)
    assert failures == 2
    output_streams = capsys.readouterr()
    assert "Predicted 4 of 6 images." in output_streams.out
    for name in ("truncated.jpg", "text.png"):
        assert f"Could not read {folder / name}: " in output_streams.err
    sizes = {"good": (20, 30), "grey": (7, 5), "rgba": (6, 8), "whole": (64, 64)}
    for name, size in sizes.items():
        with np.load(output / f"{name}.npz") as arrays:
            assert arrays["depth"].shape == size
        assert (output / f"{name}.panel.png").is_file()
    assert len(list(output.iterdir())) == 8


def test_same_stems_do_not_overwrite_each_other(model, folder):
    photo(folder / "a.png", value=51)
    photo(folder / "a.bmp", value=102)
    output, _ = run(model, folder)
    for name, value in (("a.png", 51), ("a.bmp", 102)):
        with np.load(output / f"{name}.npz") as arrays:
            np.testing.assert_allclose(
                arrays["depth"], np.full((20, 30), value), rtol=1e-6
            )


def test_results_are_replaced_only_on_request(model, folder):
    photo(folder / "a.png", value=51)
    output, _ = run(model, folder)
    photo(folder / "a.png", value=102)
    with pytest.raises(ValueError, match="2 of the results are there already.*a.panel"):
        run(model, folder)
    run(model, folder, overwrite=True)
    with np.load(output / "a.npz") as arrays:
        np.testing.assert_allclose(arrays["depth"], np.full((20, 30), 102.0), rtol=1e-6)


def test_a_file_is_no_folder_for_results(folder):
    photo(folder / "a.png")
    with pytest.raises(ValueError, match=r"a\.png is a file"):
        predictions.plan(folder, folder / "a.png")


def test_panels_of_large_images_are_small(model, folder):
    photo(folder / "a.png", size=(2000, 1000))
    output, _ = run(model, folder)
    with np.load(output / "a.npz") as arrays:
        assert arrays["normals"].shape == (2000, 1000, 3)
    with Image.open(output / "a.panel.png") as panel:
        width, height = panel.size
    assert width < 1000 and height < 500


def test_resizing_by_hand():
    """Two pixels become four, with centres a quarter of a pixel off the old ones."""
    outputs = {
        "depth": np.float32([[0, 8]]),
        "segmentation": np.int32([[0, 1]]),
        "segmentation_probabilities": np.float32([[[1, 0], [0.25, 0.75]]]),
        "normals": np.float32([[[1, 0, 0], [0, 1, 0]]]),
    }
    arrays = predictions.arrays_of(INFO, outputs, 1, 4)
    np.testing.assert_allclose(arrays["depth"], [[0, 2, 6, 8]])
    # Of bed: 0, 0.1875, 0.5625, 0.75.
    np.testing.assert_array_equal(arrays["segmentation"], [[0, 0, 1, 1]])
    third = np.array([0.25, 0.75, 0]) / np.sqrt(0.625)
    np.testing.assert_allclose(arrays["normals"][0, 2], third, rtol=1e-6)
    assert "scene_probabilities" not in arrays


# --- Image labels -------------------------------------------------------------------

MANY = ["road", "building", "vegetation", "sky"]


def test_as_many_classes_are_named_as_fit():
    whole = "road, building, vegetation, sky"
    width = tiles.text_width(whole)
    assert predictions.scene_text(MANY, width) == whole
    assert predictions.scene_text(MANY, width - 1) == "road, building and 2 more"
    assert predictions.scene_text(MANY, 10) == "road and 3 more"


def test_one_class_is_named_whatever_the_width():
    assert predictions.scene_text(["kitchen (83%)"], 1) == "kitchen (83%)"


def test_no_class_is_named():
    assert predictions.scene_text([], 100) == "no class above 50%"


@pytest.mark.parametrize(
    ("kind", "text"),
    [("categorical", "bedroom (80%)"), ("multi_hot", "bedroom")],
)
def test_the_panel_names_the_scene_classes(model, folder, monkeypatch, kind, text):
    photo(folder / "a.png")  # bedroom: 80 %, kitchen: 20 %
    texts = []
    draw = predictions.panels.prediction_panel

    def spy(infos, image, maps, scene, *more):
        texts.append(scene)
        return draw(infos, image, maps, scene, *more)

    monkeypatch.setattr(predictions.panels, "prediction_panel", spy)
    info = dataclasses.replace(INFO, label_kind=kind)
    run(dataclasses.replace(model, info=info), folder)
    assert texts == [text]


def test_batches_of_no_image_are_refused(model, folder):
    photo(folder / "a.png")
    jobs = predictions.plan(folder, folder)
    with pytest.raises(ValueError, match="batch size of at least 1, got 0"):
        predictions.predict(model, jobs, batch_size=0)


def test_exit_codes(model, folder, monkeypatch):
    values = types.SimpleNamespace(
        saved_model="saved_models/rooms",
        input=str(folder),
        output=str(folder / "out"),
        results=["panel", "npz"],
        intrinsics=[],
        batch_size=8,
        overwrite=False,
        resume=False,
    )
    monkeypatch.setattr(predict.flags, "FLAGS", values)
    monkeypatch.setattr("mgm_tf.export.versions.load", lambda path: model)
    with pytest.raises(ValueError, match="No image in"):
        predict.main()
    photo(folder / "a.png")
    assert predict.main() == 0
    (folder / "b.png").write_text("no image")
    values.overwrite = True
    assert predict.main() == 1


def test_a_prediction_goes_on_where_it_stopped(model, folder):
    for name in "abcd":
        photo(folder / f"{name}.png")
    output, _ = run(model, folder)
    (output / "b.npz").unlink()
    for name in ("c.npz", "d.panel.png"):
        (output / name).write_bytes((output / name).read_bytes()[:-9])
    jobs = predictions.plan(folder, output, resume=True)
    assert [job.image.stem for job in jobs] == ["b", "c", "d"]
    before = (output / "a.npz").stat().st_mtime_ns
    assert predictions.predict(model, jobs) == 0
    assert not predictions.plan(folder, output, resume=True)
    assert (output / "a.npz").stat().st_mtime_ns == before


# --- Folders as they come -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("IMG_0001.HEIC", "HEIC is read where pillow-heif is installed"),
        ("a.heif", "HEIC is read where pillow-heif is installed"),
        ("a.jxl", "images .jxl are not read; save it as JPEG or PNG"),
        ("a.NEF", "images .nef are not read"),
        ("a.psd", "images .psd are not read"),
        ("a.tga", "images .tga are not read"),
    ],
)
def test_images_that_are_not_read_are_counted_and_named(
    model, folder, capsys, monkeypatch, name, reason
):
    monkeypatch.setattr(image_files, "_has_heif", lambda: False)
    photo(folder / "a.png")
    (folder / name).write_bytes(b"some")
    _, failures = run(model, folder)
    output = capsys.readouterr()
    assert failures == 1 and "Predicted 1 of 2 images." in output.out
    assert f"{name}: {reason}" in output.err


def test_other_files_are_no_images(model, folder, capsys):
    photo(folder / "a.png")
    for name in ("notes.txt", "labels.csv", "model.npz", "README"):
        (folder / name).write_bytes(b"some text")
    assert run(model, folder)[1] == 0
    assert "Predicted 1 of 1 images." in capsys.readouterr().out


def test_an_image_whose_name_does_not_say_so_is_one(model, folder):
    photo(folder / "a.png")
    (folder / "a.png").rename(folder / "photo_without_suffix")
    output, failures = run(model, folder)
    assert failures == 0 and (output / "photo_without_suffix.npz").exists()


def test_links_out_of_the_folder_are_named(model, folder, capsys):
    elsewhere = folder.parent / "elsewhere"
    elsewhere.mkdir()
    photo(elsewhere / "b.png")
    photo(folder / "a.png")
    (folder / "more").symlink_to(elsewhere)
    (folder / "b.png").symlink_to(elsewhere / "b.png")
    (folder / "again").symlink_to(folder)
    assert run(model, folder)[1] == 3
    told = capsys.readouterr().err
    assert told.count("a link out of the folder, to") == 4  # when met, and at the end
    assert "again: a link to a folder that it is in is not followed" in told


def test_avif_and_others_are_read(model, folder):
    for suffix in (".avif", ".webp", ".jp2", ".tif", ".bmp", ".gif", ".ppm"):
        photo(folder / f"{suffix[1:]}{suffix}")
    output, failures = run(model, folder)
    assert failures == 0 and len(list(output.glob("*.npz"))) == 7


def test_heic_is_read_where_the_package_is(model, folder):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.new("RGB", (64, 48), (200, 9, 9))).save(folder / "a.HEIC")
    output, failures = run(model, folder)
    assert failures == 0
    with np.load(output / "a.npz") as arrays:
        assert arrays["depth"].shape == (48, 64)
        np.testing.assert_allclose(arrays["depth"], 200, atol=6)


@pytest.mark.parametrize("name", ["m" * 248, "ü" * 124, "a" * 246])
def test_one_result_that_cannot_be_written_stops_no_other(model, folder, capsys, name):
    photo(folder / f"{name}.png")
    photo(folder / "zlast.png")
    output, failures = run(model, folder)
    assert failures == 1
    assert f"Could not write the results of {folder}/{name}.png" in (
        capsys.readouterr().err
    )
    assert sorted(path.name for path in output.iterdir()) == [
        "zlast.npz",
        "zlast.panel.png",
    ]


def test_a_result_in_whose_place_is_a_folder(model, folder, capsys):
    for name in "abc":
        photo(folder / f"{name}.png")
    (folder.parent / "out" / "b.npz").mkdir(parents=True)
    output, failures = run(model, folder, overwrite=True)
    assert failures == 1 and "b.png: Is a directory" in capsys.readouterr().err
    assert (output / "a.npz").is_file() and (output / "c.npz").is_file()


def test_names_of_any_bytes(model, folder, capsys):
    photo(folder / "a.png")
    odd = os.fsdecode(b"K\xfcste\x1b[31m.png")
    (folder / "a.png").rename(folder / odd)
    (folder / os.fsdecode(b"\xff.png")).write_bytes(b"none")
    output, failures = run(model, folder)
    assert failures == 1
    assert (output / odd).with_suffix(".npz").exists()
    told = capsys.readouterr().err
    assert "\\xff.png" in told and "\x1b" not in told
    told.encode("utf-8")
