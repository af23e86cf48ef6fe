"""The conventions of Taskonomy's files, held to the one real view at hand.

No real `segment_semantic` nor `class_scene` is at hand: these two are made up here.
"""

import shutil

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from datasets import resizing
from datasets.metadata import DataInfo
from tests.datasets import taskonomy_files as files
from tests.datasets.test_tiny_taskonomy import examples

DOMAINS = (
    "rgb",
    "depth_zbuffer",
    "depth_euclidean",
    "normal",
    "edge_texture",
    "reshading",
    "principal_curvature",
)
VIEW = "point_202_view_5"
COPIES = 10


def png(real_data, domain):
    frames = real_data / "taskonomy" / "frames"
    return np.asarray(Image.open(frames / f"{VIEW}_domain_{domain}.png"))


def write(real_data, root):
    """Writes the view under ten names, so that it can be split."""
    for domain in DOMAINS:
        (root / domain / "house").mkdir(parents=True)
        name = f"{VIEW}_domain_{domain}.png"
        for copy in range(COPIES):
            shutil.copy(
                real_data / "taskonomy" / "frames" / name,
                root / domain / "house" / f"point_{copy}_view_5_domain_{domain}.png",
            )
    labels = np.full((512, 512), 1, np.uint8)  # made up: background and a couch
    labels[320:, 40:400] = 4
    for copy in range(COPIES):
        name = f"point_{copy}_view_5_domain_segmentsemantic.png"
        files.save(root / "segment_semantic" / "house" / name, labels)
        probabilities = np.eye(365, dtype=np.float32)[files.SCENES[0]]  # made up
        name = f"point_{copy}_view_5_domain_class_scene.npy"
        files.save(root / "class_scene" / "house" / name, probabilities)


_views: list = []


@pytest.fixture
def view(real_data, tmp_path_factory):
    """(record of the data, the example) at 128 pixels; built once."""
    if not _views:
        folder = tmp_path_factory.mktemp("view")
        write(real_data, folder / "manual")
        builder = files.build(folder / "manual", folder / "data", "random_128")
        info = DataInfo.from_metadata(builder.info.metadata)
        _views.append((info, examples(builder)["house_point_3_view_5"]))
    return _views[0]


def points_of(real_data):
    """[512, 512, 3] metres, x right, y up, z to the camera; where they are known."""
    zbuffer = png(real_data, "depth_zbuffer")
    depth = zbuffer / 512
    known = zbuffer < 65535
    down, right = np.mgrid[:512, :512] - 255.5
    # distance / depth = sqrt(1 + r² / f²) gives the focal length.
    ratio = png(real_data, "depth_euclidean") / zbuffer
    square = (down**2 + right**2)[known].sum() / (ratio[known] ** 2 - 1).sum()
    focal = np.sqrt(square)
    np.testing.assert_allclose(
        ratio[known], np.sqrt(1 + (down**2 + right**2)[known] / square), atol=0.01
    )
    points = np.stack([right / focal * depth, -down / focal * depth, -depth], axis=-1)
    return np.where(known[..., None], points, 0), known


def smooth(values, sigma):
    filtered = [ndimage.gaussian_filter(values[..., k], sigma) for k in range(3)]
    return np.stack(filtered, axis=-1)


def on_one_surface(points, known, window):
    """Where no edge of an object is near."""
    depth = -points[..., 2]
    jump = ndimage.maximum_filter(depth, window) - ndimage.minimum_filter(depth, window)
    return ndimage.minimum_filter(known, window) & (jump < 0.15)


def test_the_view(view, real_data):
    info, example = view
    assert set(info.tasks) == {
        "segmentation",
        "depth",
        "normals",
        "edges",
        "reshading",
        "curvature",
    }
    assert info.tasks["depth"].source == "depth_zbuffer: along the optical axis"
    image = resizing.resize_image(png(real_data, "rgb"), 128)
    np.testing.assert_array_equal(example["image"], image)
    # Cells of 4 pixels, whose centre is the third.
    raw = png(real_data, "depth_zbuffer")[2::4, 2::4]
    known = ndimage.minimum_filter(png(real_data, "depth_zbuffer") < 65535, 3)[
        2::4, 2::4
    ]
    np.testing.assert_array_equal(example["depth"][..., 0], np.where(known, raw, 65535))
    assert 0.9 < known.mean() < 0.93
    depth, _ = info.tasks["depth"].decode(example["depth"])
    assert 0.99 < depth[known].min() < 1.1 and 8 < depth[known].max() < 8.1
    classes = info.tasks["segmentation"].class_names
    assert classes[example["segmentation"][100, 50, 0]] == "couch"


def test_edges_and_reshading_are_means(view, real_data):
    info, example = view
    cells = png(real_data, "edge_texture").reshape(128, 4, 128, 4).mean((1, 3))
    edges, known = info.tasks["edges"].decode(example["edges"])
    assert known.all()
    np.testing.assert_allclose(edges[..., 0] * 65535, cells, atol=0.6)
    grey = png(real_data, "reshading")[..., 0]
    cells = grey.reshape(128, 4, 128, 4).mean((1, 3))
    reshading, known = info.tasks["reshading"].decode(example["reshading"])
    valid = ndimage.minimum_filter(png(real_data, "depth_zbuffer") < 65535, 3)
    whole = valid.reshape(128, 4, 128, 4).all((1, 3))
    np.testing.assert_allclose(reshading[..., 0][whole] * 255, cells[whole], atol=0.51)
    assert (known >= whole).all() and not known.all()


def test_normals_have_our_axes(view, real_data):
    info, example = view
    points, known = points_of(real_data)
    smoothed = smooth(points, 2.5)
    across, down = np.gradient(smoothed, axis=1), np.gradient(smoothed, axis=0)
    normals = np.cross(down, across)
    # Towards the camera, which is in the origin.
    normals *= -np.sign((normals * smoothed).sum(-1, keepdims=True))
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    sure = on_one_surface(points, known, 13)
    expected, valid = resizing.resize_normals(normals, sure, 128)
    stored, labelled = info.tasks["normals"].decode(example["normals"])
    valid &= labelled
    assert valid.mean() > 0.3
    cosine = (expected * stored).sum(-1)[valid]
    angles = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
    assert np.median(angles) < 2
    for axis in range(3):
        turned = np.where(np.arange(3) == axis, -stored, stored)
        cosine = (expected * turned).sum(-1)[valid]
        assert np.degrees(np.arccos(np.clip(cosine, -1, 1))).mean() > 15


def test_curvature_has_our_sign_and_unit(view, real_data):
    """The curvatures of the surface that depth and normals give, in 1/m."""
    info, example = view
    points, known = points_of(real_data)
    axes = np.array((1, -1, -1))
    normals = smooth((png(real_data, "normal") / 127.5 - 1) * axes, 2)
    normals /= np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-9)
    points = smooth(points, 2)
    (pu, pv), (nu, nv) = (np.gradient(a, axis=(1, 0)) for a in (points, normals))

    def dot(a, b):
        return (a * b).sum(-1)

    # Bulging: normals spread in the direction in which points do.
    first = dot(pu, pu), dot(pu, pv), dot(pv, pv)
    second = dot(pu, nu), (dot(pu, nv) + dot(pv, nu)) / 2, dot(pv, nv)
    area = np.maximum(first[0] * first[2] - first[1] ** 2, 1e-15)
    product = (second[0] * second[2] - second[1] ** 2) / area
    mean = (first[0] * second[2] - 2 * first[1] * second[1] + first[2] * second[0]) / (
        2 * area
    )
    spread = np.sqrt(np.maximum(mean**2 - product, 0))
    strongest = np.where(mean > 0, mean + spread, mean - spread)[2::4, 2::4]
    stored, labelled = info.tasks["curvature"].decode(example["curvature"])
    sure = on_one_surface(points_of(real_data)[0], known, 9)[2::4, 2::4] & labelled
    for low, high in ((8, 16), (-16, -8)):
        some = sure & (low < strongest) & (strongest < high)
        assert some.sum() > 50
        found = np.median(stored[some], axis=0)
        # The first channel is the one of larger magnitude.
        assert low < found[0] < high and abs(found[1]) < 2
    flat = sure & (abs(strongest) < 0.5)
    np.testing.assert_allclose(np.median(stored[flat], axis=0), 0, atol=0.3)
