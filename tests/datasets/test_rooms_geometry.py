"""Rays, solids and labels against geometry done by hand."""

import dataclasses

import numpy as np
import pytest

from datasets.rooms import camera, geometry, labels, raycast
from datasets.rooms.building import Group, Room
from datasets.rooms.textures import Material

SIZE = 33  # odd: a pixel looks straight ahead
MIDDLE = np.s_[SIZE // 2]
PIXELS = np.s_[1::2]
AHEAD = camera.look_at((0, 0, 0), (0, 0, -1), 0.0, np.radians(60))
GREY = Material(first=(0.5, 0.5, 0.5))


def scene(build, view=AHEAD):
    """Depth, normals (camera frame), curvature and owner [SIZE, SIZE] of solids."""
    group = Group([])
    group.panel("wall", GREY, (0, 0, -9), (60, 60))
    build(group)
    hits = raycast.cast(group.solids, view, SIZE)
    normals = np.moveaxis(hits.normal[:, PIXELS, PIXELS], 0, -1) @ view.rotation
    curvature = raycast.curvature(group.solids, hits, PIXELS)
    depth, owner = hits.depth[PIXELS, PIXELS], hits.owner[PIXELS, PIXELS]
    return depth, normals, curvature, owner


def test_a_ball_straight_ahead():
    def ball(g):
        g.ball("lamp", GREY, (0, -0.5, -3), (1, 1, 1))  # radius 0.5, middle 3 m away

    depth, normals, curvature, owner = scene(ball)
    assert depth[MIDDLE, MIDDLE] == pytest.approx(2.5, abs=1e-5)
    np.testing.assert_allclose(normals[MIDDLE, MIDDLE], [0, 0, 1], atol=1e-5)
    np.testing.assert_allclose(curvature[owner == 1], 2.0, rtol=1e-6)
    assert owner[MIDDLE, MIDDLE] == 1
    assert owner[0, 0] == 0
    # Left of the middle the surface leans to the left, above it upwards.
    assert normals[MIDDLE, 14, 0] < -0.1
    assert normals[14, MIDDLE, 1] > 0.1


def test_a_wall_has_one_depth_and_no_curvature():
    depth, normals, curvature, _ = scene(lambda g: None)
    np.testing.assert_allclose(depth, 9.0, atol=1e-4)
    np.testing.assert_allclose(normals, np.broadcast_to([0, 0, 1], normals.shape))
    assert not curvature.any()


def test_a_pole_is_curved_one_way():
    depth, normals, curvature, owner = scene(
        lambda g: g.pole("lamp", GREY, (0, -3, -2), 0.25, 6)
    )
    assert depth[MIDDLE, MIDDLE] == pytest.approx(1.75, abs=1e-5)
    np.testing.assert_allclose(curvature[owner == 1], [[4.0, 0.0]] * (owner == 1).sum())
    np.testing.assert_allclose(normals[owner == 1][:, 1], 0, atol=1e-6)


def test_a_cone_is_curved_by_meusniers_theorem():
    # Radius 1 at the foot, 0 at the top, 1 m high: half angle 45 degrees.
    cone = geometry.Solid(
        kind="frustum",
        label=0,
        center=np.zeros(3),
        rotation=np.eye(3),
        half=np.array([1, 0.5, 1]),
        radii=(1.0, 0.0),
        material=GREY,
    )
    point = np.array([[0.5], [0.0], [0.0]])
    kind = geometry.KINDS["frustum"]
    np.testing.assert_allclose(
        kind.curvature(cone, point)[:, 0], [np.sqrt(0.5) / 0.5, 0], rtol=1e-6
    )
    np.testing.assert_allclose(
        kind.surface(cone, point).normal[:, 0], [np.sqrt(0.5), np.sqrt(0.5), 0]
    )


def test_an_ellipsoid_at_the_end_of_an_axis():
    # At the end of axis a the curvatures are a / b² and a / c².
    solid = geometry.Solid(
        kind="ellipsoid",
        label=0,
        center=np.zeros(3),
        rotation=np.eye(3),
        half=np.array([2.0, 1.0, 0.5]),
        material=GREY,
    )
    point = np.array([[2.0, 0, 0], [0, 1.0, 0], [0, 0, 0.5]]).T
    curvature = geometry.KINDS["ellipsoid"].curvature(solid, point)
    expected = [[2 / 0.25, 2 / 1], [1 / 0.25, 1 / 4], [0.5 / 1, 0.5 / 4]]
    np.testing.assert_allclose(curvature.T, expected)


def test_a_basin_is_hollow_and_seen_through_its_rim():
    above = camera.look_at((0, 2, 0.001), (0, 0, 0), 0.0, np.radians(60))

    def bowl(g):
        g.box("table", GREY, (0, -1, 0), (3, 1, 3))
        g.basin("sink", GREY, (0, 0.001, 0), (0.8, 0.4, 0.8))

    depth, _, curvature, owner = scene(bowl, above)
    assert owner[MIDDLE, MIDDLE] == 2
    assert depth[MIDDLE, MIDDLE] == pytest.approx(2.4 - 0.001, abs=1e-3)
    np.testing.assert_allclose(curvature[owner == 2], -2.5, rtol=1e-5)
    assert depth[2, 2] == pytest.approx(2.0, abs=2e-3)


def test_the_nearest_solid_wins_and_turned_boxes_lean():
    def boxes(g):
        g.frame(0, 0, -5, np.pi / 4).box("chair", GREY, (0, -1, 0), (2, 2, 2))
        g.box("bed", GREY, (5, -1, -4), (1, 2, 1))

    depth, normals, _, owner = scene(boxes)
    # The turned box shows an edge: its half diagonal is √2.
    assert depth[MIDDLE, MIDDLE] == pytest.approx(5 - np.sqrt(2), abs=0.05)
    left, right = normals[MIDDLE, 13], normals[MIDDLE, 19]
    np.testing.assert_allclose(left, [-np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-5)
    np.testing.assert_allclose(right, [np.sqrt(0.5), 0, np.sqrt(0.5)], atol=1e-5)
    assert set(np.unique(owner)) == {0, 1}


def test_the_camera_inside_a_box_looks_through_it():
    depth, _, _, _ = scene(lambda g: g.box("bed", GREY, (0, -2, 0), (4, 4, 4)))
    np.testing.assert_allclose(depth, 9.0, atol=1e-4)


def test_bounds_never_cut_a_solid():
    rng = np.random.default_rng(3)
    group = Group([])
    group.panel("wall", GREY, (0, 0, -9), (60, 60))
    for _ in range(30):
        spot = group.frame(*rng.uniform((-3, -3, -8), (3, 3, 1)), rng.uniform(0, 6))
        spot.box("chair", GREY, (0, 0, 0), rng.uniform(0.1, 1.5, 3))
        spot.ball("lamp", GREY, (1, 0, 0), rng.uniform(0.1, 1.5, 3))
    everything = type("Everywhere", (camera.Camera,), {})(
        **{f.name: getattr(AHEAD, f.name) for f in dataclasses.fields(AHEAD)}
    )
    whole = np.array([0, 2 * SIZE + 1, 0, 2 * SIZE + 1])
    type(everything).rectangles = lambda self, centers, *_: np.tile(
        whole, (len(centers), 1)
    )
    fast = raycast.cast(group.solids, AHEAD, SIZE)
    slow = raycast.cast(group.solids, everything, SIZE)
    np.testing.assert_array_equal(fast.owner, slow.owner)
    np.testing.assert_array_equal(fast.depth, slow.depth)


def test_depth_and_normals_agree_on_a_slanted_wall():
    view = camera.look_at((0, 1, 2), (1.5, 0.2, -9), 0.02, np.radians(70))
    depth, normals, _, owner = scene(lambda g: None, view)
    u, v = (axis[PIXELS] for axis in view.grid(SIZE))
    points = np.stack([*np.meshgrid(u, v), -np.ones_like(depth)], -1) * depth[..., None]
    assert not owner.any()
    for axis in (0, 1):
        step = np.diff(points, axis=axis)
        across = (step * normals[0, 0]).sum(-1)
        assert np.abs(across).max() < 1e-4
    world = points @ view.rotation.T + view.position
    np.testing.assert_allclose(world[..., 2], -9, atol=1e-4)


def test_edges_of_one_colour_are_zero_and_of_a_step_are_at_the_step():
    flat = np.full((64, 64, 3), 130, np.uint8)
    np.testing.assert_allclose(labels.edges(flat), 0, atol=1e-6)
    step = flat.copy()
    step[:, 32:] = 255
    edges = labels.edges(step)
    assert edges[:, 30:34].min() > 10 * edges[:, :26].max()
    assert edges.argmax(1).min() >= 31
    assert edges.argmax(1).max() <= 32
    assert 0 <= edges.min() <= edges.max() <= 1


def test_edges_of_a_ramp_are_its_slope():
    # One grey level a pixel: 1/255 · size/512, over √2 for the other direction.
    ramp = np.repeat(np.arange(64, dtype=np.uint8)[None, :, None], 64, 0)
    edges = labels.edges(np.repeat(ramp, 3, -1))[20:44, 20:44]
    slope = 2 * 1 / 255 * (64 / 512) / np.sqrt(2)
    np.testing.assert_allclose(edges, slope, rtol=1e-3)


def test_reshading_of_a_wall_straight_ahead():
    # cos θ = 1, d = 4: 1.6 · 8 / (8 + 16) = 0.5333; at 1 m 1.42 is clipped to 1.
    normal = np.array([[[0, 0, 1.0]]])
    for distance, value in ((4.0, 1.6 / 3), (1.0, 1.0)):
        shade = labels.reshading(np.array([[distance]]), normal, [0.0], [0.0])
        assert shade.item() == pytest.approx(value, abs=1e-9)
    # Off the axis by 45 degrees: d² = 2 · 16, cos θ = √½.
    shade = labels.reshading(np.array([[4.0]]), normal, [1.0], [0.0])
    assert shade.item() == pytest.approx(1.6 * np.sqrt(0.5) * 8 / 40, abs=1e-9)


def test_walls_face_the_room_and_things_do_not_overlap():
    room = Room(np.random.default_rng(0), 4.0, 3.0, 2.5)
    for wall, middle in {"north": (0, -1.5), "west": (-2, 0), "east": (2, 0)}.items():
        group = room.wall(wall)
        np.testing.assert_allclose(group.origin[[0, 2]], middle, atol=1e-9)
        np.testing.assert_allclose((group.rotation @ [0, 0, 1])[[0, 2]] @ middle < 0, 1)
    assert room.place("north", 2.0, 0.5, along=0.0) is not None
    assert room.place("north", 1.0, 0.5, along=1.0) is None
    assert room.place("north", 5.0, 0.5) is None
    assert room.place("west", 1.0, 1.5, along=1.0) is None  # would stand in the corner
