"""Made-up streets: built, they are what was drawn."""

import numpy as np
import pytest
from PIL import Image

from datasets.cityscapes_zurich import classes, generate, streets, things
from tests.datasets import test_cityscapes_zurich

FRAMES = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zurich")
    generate.main([f"--output={folder / 'manual'}", f"--frames={FRAMES}"])
    return folder


@pytest.fixture(scope="module")
def pictures():
    return [streets.draw(index) for index in range(12)]


def test_frames_build(folder, pictures):
    builder = test_cityscapes_zurich.build(folder / "manual", folder / "data")
    by_name = test_cityscapes_zurich.examples(builder)
    assert sorted(by_name) == [f"zurich_{k:06d}_000019" for k in range(FRAMES)]
    for number in range(FRAMES):
        image, ids = pictures[number]
        example = by_name[f"zurich_{number:06d}_000019"]
        present = np.unique(ids[ids > 3]) - 4
        np.testing.assert_array_equal(np.flatnonzero(example["scene"]), present)
        # 256 x 512 become 64 x 64: cells of 4 x 8, of which the pixel (2, 4).
        expected = np.where(ids > 3, ids - 4, 255)[2::4, 4::8]
        np.testing.assert_array_equal(example["segmentation"][..., 0], expected)
        mean = image.reshape(64, 4, 64, 8, 3).mean((1, 3))
        np.testing.assert_allclose(example["image"], mean, atol=0.51)


def test_files(folder, pictures):
    path, labels = generate.paths_of(folder / "manual", 1)
    image, ids = np.asarray(Image.open(path)), np.asarray(Image.open(labels))
    assert image.shape == (1024, 2048, 3) and ids.shape == (1024, 2048)
    np.testing.assert_array_equal(image[3::4, ::4], pictures[1][0])
    # A rim of 2 pixels and a hood of 14 rows are 8 and 56 in the files.
    assert (ids[:8] == 3).all() and (ids[:, :8] == 3).all() and (ids[-8:] == 3).all()
    assert (ids[-56:-8, 8:-8] == 1).all()
    # The camera stands in a road, under the sky.
    assert (ids[-64:-56, 1024] == 7).all() and ids[8, 1024] == 23
    assert (ids[8:-56, 8:-8] >= 4).all()


def test_the_road_is_as_wide_as_its_perspective():
    street = streets.Street(np.random.default_rng(0))
    street.lay_ground()
    on_road = [streets.ID[name] for name in ("road", "rail track", "parking")]
    for row in (150, 180, 200):
        # At distance z, f / z pixels a metre, and row - horizon = f 1.2 / z.
        pixels = (row + 0.5 - street.horizon) / 1.2
        count = np.isin(street.ids[row], on_road).sum()
        assert abs(count - min(2 * street.half_road * pixels, 512)) <= 1
    horizon = round(street.horizon)
    assert (street.ids[: horizon - 1] == streets.ID["sky"]).all()
    assert (street.ids[horizon + 1 :] != streets.ID["sky"]).all()


def test_every_row_of_the_tables_is_of_known_classes():
    labels = {part.label for thing in things.THINGS for part in thing.parts}
    assert labels | set(things.FRONTS) <= set(classes.CLASS_NAMES)
    assert sum(front.share for front in things.FRONTS.values()) == pytest.approx(1)


def test_classes_differ_between_frames(pictures):
    present = np.array([np.isin(np.arange(4, 34), ids) for _, ids in pictures])
    always = {classes.CLASS_NAMES[k] for k in np.flatnonzero(present.all(0))}
    assert {"road", "sidewalk", "sky"} <= always and not {"person", "bus"} & always
    # Of 22 that there are, at least 18 are in the first twelve frames.
    assert present.any(0).sum() >= 18
    assert len(np.unique(present, axis=0)) == len(pictures)


def test_pictures_have_texture(pictures):
    for image, ids in pictures:
        for name in ("sky", "road"):
            assert image[ids == streets.ID[name]].std(axis=0).min() > 3


def test_frames_are_a_function_of_seed_and_number(folder, pictures):
    image, ids = streets.draw(2)
    np.testing.assert_array_equal(image, pictures[2][0])
    np.testing.assert_array_equal(ids, pictures[2][1])
    other, _ = streets.draw(2, seed=1)
    assert (other != image).mean() > 0.5


@pytest.mark.parametrize("number", [2, 123])
def test_numbers_that_do_not_build(tmp_path, number):
    with pytest.raises(ValueError, match=f"3 to 122 frames, not {number}"):
        generate.write(tmp_path, number)
    with pytest.raises(SystemExit):
        generate.main([f"--output={tmp_path}", f"--frames={number}"])
    assert not list(tmp_path.iterdir())
