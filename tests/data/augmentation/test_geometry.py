"""Geometric augmentation: what labels become, by hand and from geometry."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data.augmentation import geometry
from mgm_tf.data.augmentation.geometry import LabelledImages
from mgm_tf.data.randomness import BatchRng

SIZE, FOCAL = 64, 60.0


def labelled_images(images=None, **maps):
    """Returns one example that is labelled everywhere."""
    maps = {k: tf.constant(np.asarray(v)[None]) for k, v in maps.items()}
    first = next(iter(maps.values()))
    if images is None:
        images = np.zeros((*first.shape[1:3], 3), np.float32)
    valid = {k: tf.ones(v.shape[:3], tf.bool) for k, v in maps.items()}
    return LabelledImages(tf.constant(np.asarray(images)[None]), maps, valid)


def f32(values):
    return np.asarray(values, np.float32)


def flipped(labelled):
    return geometry.flip(labelled, tf.constant([True]))


def zoomed(labelled, factor, top=0.5, left=0.5):
    return geometry.zoom(labelled, tf.constant([factor]), tf.constant([[top, left]]))


def plane_depth(normal, distance, focal=FOCAL, size=SIZE):
    """Depth [size, size] of the plane normal . X = -distance before a pinhole camera.

    x right, y up, z towards the camera: a pixel looks along (x, -y, -1).
    """
    middle = (np.arange(size) + 0.5 - size / 2) / focal
    x, y = np.meshgrid(middle, middle)
    rays = np.stack([x, -y, -np.ones_like(x)], axis=-1)
    return -distance / (rays @ np.asarray(normal))


def normals_of(depth, focal):
    """Unit normals [H, W, 3] of a depth map, by differences of its points."""
    size = depth.shape[0]
    middle = (np.arange(size) + 0.5 - size / 2) / focal
    x, y = np.meshgrid(middle, middle)
    points = np.stack([x, -y, -np.ones_like(x)], axis=-1) * depth[..., None]
    across, down = np.gradient(points, axis=1), np.gradient(points, axis=0)
    normals = np.cross(down, across)
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


# --- Flip ---------------------------------------------------------------------------


def test_a_flip_mirrors_and_turns_the_x_of_normals():
    labelled = labelled_images(
        images=f32([[[1, 1, 1], [2, 2, 2]]]),
        segmentation=np.array([[[3], [4]]], np.int32),
        depth=f32([[[1], [2]]]),
        normals=f32([[[0.6, 0, 0.8], [0, 1, 0]]]),
        curvature=f32([[[1, -2], [3, 4]]]),
    )
    valid = labelled.valid | {"depth": tf.constant([[[True, False]]])}
    other = flipped(labelled._replace(valid=valid))
    np.testing.assert_array_equal(other.images[0, 0, :, 0], [2, 1])
    np.testing.assert_array_equal(other.physical["segmentation"][0, 0, :, 0], [4, 3])
    np.testing.assert_array_equal(other.physical["depth"][0, 0, :, 0], [2, 1])
    np.testing.assert_array_equal(
        other.physical["normals"][0, 0], f32([[0, 1, 0], [-0.6, 0, 0.8]])
    )
    np.testing.assert_array_equal(other.physical["curvature"][0, 0], [[3, 4], [1, -2]])
    np.testing.assert_array_equal(other.valid["depth"][0, 0], [False, True])


def test_flipping_twice_changes_nothing_and_once_only_the_chosen():
    random = np.random.default_rng(0)
    normals = tf.constant(f32(random.normal(size=(2, 8, 8, 3))))
    images = tf.constant(f32(random.normal(size=(2, 8, 8, 3))))
    both = LabelledImages(
        images, {"normals": normals}, {"normals": normals[..., 0] > 0}
    )
    mask = tf.constant([False, True])
    once = geometry.flip(both, mask)
    twice = geometry.flip(once, mask)
    for part in (lambda w: w.images, lambda w: w.physical["normals"]):
        np.testing.assert_array_equal(part(twice), part(both))
        np.testing.assert_array_equal(part(once)[0], part(both)[0])
        assert np.any(part(once)[1] != part(both)[1])


def test_normals_of_a_flipped_depth_map_are_the_flipped_normals():
    normal = np.array([0.48, 0.36, 0.8])
    depth = plane_depth(normal, 3.0)
    maps = {
        "depth": f32(depth[..., None]),
        "normals": f32(np.broadcast_to(normal, (SIZE, SIZE, 3))),
    }
    other = flipped(labelled_images(**maps)).physical
    again = normals_of(other["depth"][0, ..., 0].numpy().astype(float), FOCAL)
    np.testing.assert_allclose(other["normals"][0], again, atol=2e-3)
    assert float(other["normals"][0, 0, 0, 0]) == pytest.approx(-0.48)


# --- Zoom ---------------------------------------------------------------------------


def test_a_zoom_by_two_into_a_corner():
    depth = np.arange(16).reshape(4, 4, 1) + 1
    labelled = labelled_images(
        depth=f32(depth), segmentation=depth.astype(np.int32), curvature=f32(depth)
    )
    seen = np.repeat(np.repeat([[3, 4], [7, 8]], 2, axis=0), 2, axis=1)
    other = zoomed(labelled, 2.0, top=0.0, left=1.0).physical
    np.testing.assert_array_equal(other["segmentation"][0, ..., 0], seen)
    np.testing.assert_array_equal(other["depth"][0, ..., 0], seen / 2)
    np.testing.assert_array_equal(other["curvature"][0, ..., 0], seen * 2)


def test_a_zoom_by_one_changes_nothing():
    random = np.random.default_rng(0)
    images, depth = f32(random.uniform(size=(8, 8, 3))), f32(random.uniform(size=64))
    labelled = labelled_images(images, depth=depth.reshape(8, 8, 1))
    other = zoomed(labelled, 1.0)
    np.testing.assert_allclose(other.images, labelled.images, atol=1e-6)
    np.testing.assert_array_equal(other.physical["depth"], labelled.physical["depth"])


def test_images_and_labels_stay_in_register():
    # A ramp: bilinear and nearest differ by half a source pixel at most.
    ramp = np.broadcast_to(np.arange(SIZE)[None, :, None], (SIZE, SIZE, 3))
    labelled = labelled_images(f32(ramp), segmentation=ramp[..., :1].astype(np.int32))
    other = zoomed(labelled, 1.4, top=0.3, left=0.8)
    labels = other.physical["segmentation"][0, ..., 0].numpy()
    assert np.abs(other.images[0, ..., 0] - labels).max() <= 0.501


def test_a_zoomed_plane_is_the_same_camera_before_a_world_shrunk():
    # The plane at 1/s of its distance, by the same camera, has the same normals and is
    # seen at depths Z(u / s) / s, which is what the zoom into the middle makes.
    normal, factor = np.array([0.48, 0.36, 0.8]), 1.25
    labelled = labelled_images(depth=f32(plane_depth(normal, 3.0)[..., None]))
    other = zoomed(labelled, factor).physical["depth"][0, ..., 0].numpy()
    # A camera with a focal length s times as long sees the part; depth is then / s.
    expected = plane_depth(normal, 3.0, focal=FOCAL * factor) / factor
    np.testing.assert_allclose(other, expected, rtol=0.02)
    # The points themselves are the original ones over s.
    middle = (np.arange(SIZE) + 0.5 - SIZE / 2) / (FOCAL * factor)
    x, y = np.meshgrid(middle, middle)
    points = np.stack([x, -y, -np.ones_like(x)], axis=-1) * other[..., None]
    np.testing.assert_allclose(points @ normal, -3.0 / factor, rtol=0.02)


def test_the_curvature_of_a_zoomed_sphere_is_the_label():
    # A ball of radius 2 whose middle is 5 before the camera: by its depth map, zoomed,
    # it is one of radius 2 / s, and the label says so.
    radius, distance, factor = 2.0, 5.0, 1.25
    middle = (np.arange(SIZE) + 0.5 - SIZE / 2) / 400
    x, y = np.meshgrid(middle, middle)
    length2 = x**2 + y**2 + 1
    inner = distance**2 - length2 * (distance**2 - radius**2)
    depth = (distance - np.sqrt(inner)) / length2
    labelled = labelled_images(
        depth=f32(depth[..., None]),
        curvature=np.full((SIZE, SIZE, 2), 1 / radius, np.float32),
    )
    other = zoomed(labelled, factor).physical
    rays = np.stack([x / factor, -y / factor, -np.ones_like(x)], axis=-1)
    points = rays * other["depth"][0].numpy()
    from_middle = points - np.array([0, 0, -distance / factor])
    np.testing.assert_allclose(
        1 / np.linalg.norm(from_middle, axis=-1),
        other["curvature"][0, ..., 0],
        rtol=2e-3,
    )


def test_a_pixel_without_a_label_gives_none():
    valid = np.ones((1, 4, 4), bool)
    valid[0, 0, 0] = False
    labelled = labelled_images(depth=f32(np.ones((4, 4, 1))))._replace(
        valid={"depth": tf.constant(valid)}
    )
    other = zoomed(labelled, 2.0, top=0.0, left=0.0).valid["depth"][0].numpy()
    expected = np.ones((4, 4), bool)
    expected[:2, :2] = False
    np.testing.assert_array_equal(other, expected)


# --- Policies -----------------------------------------------------------------------


def batch_of(number):
    random = np.random.default_rng(1)
    images = tf.constant(f32(random.uniform(size=(number, 16, 16, 3))))
    depth = tf.constant(f32(random.uniform(1, 2, (number, 16, 16, 1))))
    return LabelledImages(images, {"depth": depth}, {"depth": depth[..., 0] > 1.5})


def part_of(labelled, rows):
    return tf.nest.map_structure(lambda values: tf.gather(values, rows), labelled)


@pytest.mark.parametrize("policy", geometry.AUGMENTATIONS)
def test_two_replicas_do_what_one_device_does(policy):
    labelled = batch_of(8)
    step = tf.constant(3, tf.int64)

    def augmented(rows):
        rng = BatchRng.at(7, step, tf.constant(rows), 8)
        return geometry.augment_labelled_images(part_of(labelled, rows), rng, policy)

    whole = augmented(range(8))
    halves = [augmented(range(4)), augmented(range(4, 8))]
    for both, *parts in zip(
        *(tf.nest.flatten(each) for each in (whole, *halves)), strict=True
    ):
        np.testing.assert_array_equal(both, np.concatenate(parts))
    assert np.all(whole.images == labelled.images) == (policy == "none")


def test_half_are_flipped_and_zooms_are_spread_evenly():
    number = 400
    rng = BatchRng.at(0, tf.constant(0, tf.int64), tf.range(number), number)
    ones = tf.ones((number, 2, 2, 1))
    x = tf.constant([1.0, 0, 0]) * ones
    labelled = LabelledImages(x, {"normals": x, "depth": ones}, {})
    other = geometry.augment_labelled_images(labelled, rng, "flip_crop")
    turned = np.mean(other.physical["normals"][:, 0, 0, 0] < 0)
    factors = 1 / other.physical["depth"][:, 0, 0, 0].numpy()
    assert 0.4 < turned < 0.6  # four deviations
    assert factors.min() >= 1 and factors.max() < 1.5
    assert factors.mean() == pytest.approx(1.25, abs=0.03)
