"""One frame: its files read, checked, resized and encoded as they are stored."""

import io
from collections.abc import Mapping

import numpy as np
from etils import epath
from PIL import Image
from scipy import ndimage

from datasets import files, metadata, resizing
from datasets.files import DamagedFile, arrays, regular
from datasets.tiny_taskonomy import layout, places, tasks

# Interpretation: Taskonomy's own threshold, 126 m; taskgrouping masks from 2^13, 16 m,
# which halls and the views through doors do reach.
_FARTHEST = 64500
_COLOUR_TYPE_RGB = 2


def read_scene(path: epath.Path) -> int:
    """Returns the most probable of the 365 categories of Places.

    Raises:
      DamagedFile: no 365 finite numbers, or all alike.
    """
    values = np.squeeze(arrays.read(path))
    try:
        finite = np.isfinite(values).all()
    except TypeError as error:  # of dates and texts
        raise DamagedFile(path, f"no array of NumPy: {error}") from error
    expected = (len(places.NAMES),)
    if values.shape != expected:
        raise DamagedFile(path, f"expected an array {expected}, found {values.shape}")
    if not finite or values.min() == values.max():
        raise DamagedFile(path, "expected probabilities, found NaN or all alike")
    return int(np.argmax(values))


def read_frame(
    paths: Mapping[str, epath.Path],
    infos: Mapping[str, metadata.TaskInfo],
    size: int,
) -> dict[str, bytes]:
    """Returns the PNG of `image` and of each task, as they are stored.

    Args:
      paths: the files by domain.
      infos: the tasks to read.
      size: height and width of the results.

    Raises:
      DamagedFile: a file is damaged, or not of the image's size.
    """
    image = files.read_image(paths[layout.IMAGE])
    shape = image.shape[:2]
    depth_path = next((paths[k] for k in tasks.DEPTH_KINDS if k in paths), None)
    depth = (
        None if depth_path is None else files.read_map(depth_path, "uint16", 1, shape)
    )
    valid = _valid(depth, paths.get(layout.MASK), shape)
    result = {"image": _png(resizing.resize_image(image, size))}
    for name, info in infos.items():
        if name == tasks.DEPTH and depth is not None:
            result[name] = _png(_stored_depth(depth, valid, size))
            continue
        path = paths[tasks.DOMAINS[name]]
        result[name] = _png(_STORED[name](path, info, valid, size))
    return result


def _valid(
    depth: np.ndarray | None, mask_path: epath.Path | None, shape: tuple[int, int]
) -> np.ndarray:
    """Returns where there is a surface: [H, W] bool.

    At the edge of a hole, values are mixtures with the missing one: the pixels next to
    it are left out, too.
    """
    valid = np.ones(shape, bool)
    if depth is not None:
        valid &= (depth[..., 0] > 0) & (depth[..., 0] < _FARTHEST)
    if mask_path is not None:
        valid &= _read_grey(mask_path, shape)[..., 0] > 0
    return ndimage.binary_erosion(valid, np.ones((3, 3)), border_value=1)


def _stored_depth(depth: np.ndarray, valid: np.ndarray, size: int) -> np.ndarray:
    known = np.where(valid[..., None], depth, tasks.MISSING_DEPTH)
    return resizing.resize_nearest(known, size).astype(np.uint16)


def _stored_segmentation(
    path: epath.Path, info: metadata.TaskInfo, valid: np.ndarray, size: int
) -> np.ndarray:
    labels = _read_grey(path, valid.shape)  # classes are known where depth is not
    largest = len(info.class_names)
    if labels.max() > largest:
        raise DamagedFile(
            path, f"class {labels.max()} is out of range: 0 to {largest} are known"
        )
    # 0 is uncertain; 0 - 1 becomes 255, missing.
    return resizing.resize_nearest(labels - np.uint8(1), size)


def _stored_normals(
    path: epath.Path, info: metadata.TaskInfo, valid: np.ndarray, size: int
) -> np.ndarray:
    raw = files.read_map(path, "uint8", 3, valid.shape)
    # Taskonomy's y points down and its z away from the camera.
    vectors = (raw / np.float32(127.5) - 1) * np.array((1, -1, -1), np.float32)
    # Where nothing was hit it is grey, a vector without length.
    valid = valid & (np.linalg.norm(vectors, axis=-1) > 0.5)
    return info.encode(*resizing.resize_normals(vectors, valid, size))


def _stored_edges(
    path: epath.Path, info: metadata.TaskInfo, valid: np.ndarray, size: int
) -> np.ndarray:
    raw = files.read_map(path, "uint16", 1, valid.shape)
    everywhere = np.ones(valid.shape, bool)  # they come from the image
    mean, known = resizing.resize_mean(raw, everywhere, size)
    return info.encode(mean / 65535, known)


def _stored_reshading(
    path: epath.Path, info: metadata.TaskInfo, valid: np.ndarray, size: int
) -> np.ndarray:
    raw = _read_grey(path, valid.shape)
    mean, known = resizing.resize_mean(raw, valid, size)
    return info.encode(mean / 255, known)


def _stored_curvature(
    path: epath.Path, info: metadata.TaskInfo, valid: np.ndarray, size: int
) -> np.ndarray:
    raw = files.read_map(path, "uint8", 3, valid.shape)[..., :2]
    # Where nothing was hit it is black.
    valid = valid & raw.any(axis=-1)
    codes = np.minimum(raw, 2 * tasks.FLAT)
    mean, known = resizing.resize_mean(codes, valid, size)
    return info.encode(mean * info.scale + info.offset, known)


_STORED = {
    "segmentation": _stored_segmentation,
    "normals": _stored_normals,
    "edges": _stored_edges,
    "reshading": _stored_reshading,
    "curvature": _stored_curvature,
}


def _read_grey(path: epath.Path, shape: tuple[int, int]) -> np.ndarray:
    """Reads 8 bits of one channel, [H, W, 1], which may be written as equal RGB."""
    regular.check(path)
    with path.open("rb") as file:
        is_rgb = file.read(26)[25:] == bytes([_COLOUR_TYPE_RGB])
    values = files.read_map(path, "uint8", 3 if is_rgb else 1, shape)
    if (values != values[..., :1]).any():
        raise DamagedFile(path, "expected grey, found colours")
    return values[..., :1]


def no_labels(info: metadata.TaskInfo, size: int) -> bytes:
    """Returns the PNG of a map without any label."""
    return _png(np.full((size, size, info.channels), info.missing, info.dtype))


def _png(values: np.ndarray) -> bytes:
    """Encodes [H, W, C]: 8 bits of 1 to 3 channels, or 16 bits of one."""
    values = values[..., 0] if values.shape[-1] == 1 else values
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, "png")
    return buffer.getvalue()
