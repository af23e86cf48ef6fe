"""Files in the form of Taskonomy's, with values that can be checked by hand."""

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from datasets.tiny_taskonomy import places
from datasets.tiny_taskonomy.tiny_taskonomy_dataset_builder import Builder

SIZE = 128
SCENES = tuple(
    places.NAMES.index(name) for name in ("kitchen", "bedroom", "office", "corridor")
)
# Names of the last part that differ from the domain's.
LAST_PART = {"segment_semantic": "segmentsemantic", "class_scene": "class_places"}
BUILDINGS = {"allensville": 6, "wiconisco": 3, "ihlen": 3}


def arrays(number: int) -> dict[str, np.ndarray]:
    """The files of a frame: constant but for a hole in the upper left, 8 pixels wide.

    Below, the lower 4 rows of the segmentation are uncertain and its right half chair.
    """
    shape = (SIZE, SIZE)
    rgb = np.full((*shape, 3), (number, 100, 200), np.uint8)
    segmentation = np.full(shape, 1, np.uint8)
    segmentation[:, SIZE // 2 :] = 3
    segmentation[-4:] = 0
    depth = np.full(shape, 1500 + number, np.uint16)
    depth[:8, :8] = 65535
    normal = np.full((*shape, 3), (128, 0, 128), np.uint8)  # a floor: y up
    normal[:8, :8] = 128
    curvature = np.full((*shape, 3), (127 + 38, 127, 0), np.uint8)
    curvature[:8, :8] = 0
    probabilities = np.full(365, 0.001, np.float32)
    probabilities[SCENES[number % len(SCENES)]] = 0.636
    return {
        "rgb": rgb,
        "segment_semantic": segmentation,
        "depth_zbuffer": depth,
        "normal": normal,
        "edge_texture": np.full(shape, 718, np.uint16),
        "reshading": np.full((*shape, 3), 127, np.uint8),
        "principal_curvature": curvature,
        "class_scene": probabilities,
    }


def save(path: pathlib.Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path, compress_level=1)


def file(
    root: pathlib.Path,
    building: str,
    number: int,
    domain: str,
    layout: str = "domains",
) -> pathlib.Path:
    """The path of a file of frame `point_NUMBER_view_0` in one of the layouts."""
    suffix = "npy" if domain == "class_scene" else "png"
    name = f"point_{number}_view_0_domain_{LAST_PART.get(domain, domain)}.{suffix}"
    return {
        "domains": root / domain / building / name,
        "archives": root / f"{building}_{domain}" / name,
        "flat": root / domain / name,
        "taskgrouping": root / domain / building / f"point_{number}_view_0.{suffix}",
    }[layout]


def write(
    root: pathlib.Path,
    buildings: Mapping[str, int] | None = None,
    layout: str = "domains",
) -> pathlib.Path:
    """Writes so many frames of each building; `number` goes on from one to the next."""
    number = 0
    for building, frames in (buildings or BUILDINGS).items():
        for _ in range(frames):
            for domain, values in arrays(number).items():
                save(file(root, building, number, domain, layout), values)
            number += 1
    return root


def build(
    manual: pathlib.Path,
    data_dir: pathlib.Path,
    config: str = "random_64",
    max_damaged: float = 0.001,
    **download: Any,
) -> Builder:
    builder = Builder(config=config, data_dir=data_dir)
    builder.max_damaged = max_damaged
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=manual, **download)
    )
    return builder


@dataclasses.dataclass
class Count:
    """Counts the calls of a function and lets one fail."""

    function: Callable[..., Any]
    names: list[str]
    fail_at: int = 0

    def __call__(self, paths: Mapping[str, pathlib.Path], *arguments: Any) -> Any:
        self.names.append(paths["rgb"].name)
        if len(self.names) == self.fail_at:
            raise OSError(28, "No space left on device")
        return self.function(paths, *arguments)
