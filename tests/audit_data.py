"""Made-up splits to audit: rooms of tilted planes, exact labels, nothing on disk."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from datasets import metadata

SIZE = 48
COLORS = ((200, 60, 60), (60, 180, 60), (70, 70, 210), (210, 200, 60))
INFO = metadata.DataInfo(
    image_size=SIZE,
    tasks={
        task.name: task
        for task in (
            metadata.segmentation_info(("wall", "box", "rug", "door"), COLORS),
            metadata.depth_info(),
            metadata.normals_info(),
            metadata.unit_interval_info("edges"),
        )
    },
    scene_names=("attic", "cellar"),
    notes="planes",
)
Data = dict[str, np.ndarray]
Change = Callable[[Data], Mapping[str, np.ndarray]]


@dataclasses.dataclass
class Split:
    """What an audit asks of `splits.Split`, of arrays in memory."""

    name: str
    data: Data
    info: metadata.DataInfo = INFO
    data_set: str = "made_up/64/1.0.0"

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(name for name in self.info.tasks if name in self.data)

    def __len__(self) -> int:
        return len(self.data["image"])

    def batch(self, numbers: tf.Tensor) -> dict[str, tf.Tensor]:
        return {
            key: tf.gather(tf.constant(self.data[key]), numbers)
            for key in ("image", "scene", *self.tasks)
        }

    def names(self, numbers: np.ndarray) -> list[str]:
        return [f"{self.name}_{number}" for number in numbers]


def data(count: int, seed: int = 0) -> Data:
    """`count` examples: a wall with boxes before it, each a plane of its own."""
    examples = [_example(np.random.default_rng([seed, n])) for n in range(count)]
    arrays = {key: np.stack([one[key] for one in examples]) for key in examples[0]}
    return arrays | {"scene": np.arange(count, dtype=np.int32) % 2}


def splits(
    change: Change | None = None,
    count: int = 40,
    info: metadata.DataInfo = INFO,
    **others: Data,
) -> dict[str, Split]:
    """Splits train, validation and what else is given; `change` is made to train."""
    train = data(count)
    train |= change(train) if change else {}
    parts = {"train": train, "validation": data(12, seed=1), **others}
    return {name: Split(name, part, info) for name, part in parts.items()}


def change_of(task: str, function: Callable[[np.ndarray], np.ndarray]) -> Change:
    """Changes the raw maps [N, H, W, channels] of one task."""
    return lambda whole: {task: np.ascontiguousarray(function(whole[task]))}


def _example(random: np.random.Generator) -> dict[str, np.ndarray]:
    v, u = -np.mgrid[:SIZE, :SIZE] / SIZE + 0.5
    u = -u
    classes = np.zeros((SIZE, SIZE), np.int64)
    depth, normals = _plane(random, u, v, 4.0)
    for _ in range(5):
        top, left = random.integers(0, SIZE - 16, 2)
        high, wide = random.integers(8, 16, 2)
        box = np.s_[top : top + high, left : left + wide]
        classes[box] = random.integers(1, len(COLORS))
        near, lean = _plane(random, u, v, random.uniform(1.5, 3))
        depth[box], normals[box] = near[box], lean[box]
    light = random.uniform(0.5, 1.1)
    image = np.array(COLORS)[classes] * light * (0.5 + 0.5 * normals[..., 2:])
    image = np.clip(image + random.normal(0, 1, image.shape), 0, 255).astype(np.uint8)
    grey = image.mean(axis=-1)
    edges = np.abs(np.gradient(grey)[0]) + np.abs(np.gradient(grey)[1])
    tasks = INFO.tasks
    border = np.ones((SIZE, SIZE), bool)
    border[:, :2] = False  # not labelled
    return {
        "image": image,
        "segmentation": tasks["segmentation"].encode(classes, border),
        "depth": tasks["depth"].encode(depth, border),
        "normals": tasks["normals"].encode(normals),
        "edges": tasks["edges"].encode(np.minimum(edges / 255, 1)),
    }


def _plane(
    random: np.random.Generator, u: np.ndarray, v: np.ndarray, distance: float
) -> tuple[np.ndarray, np.ndarray]:
    """Depth [H, W] and normals [H, W, 3] of a plane that the camera at 0 sees."""
    normal = np.array([*random.uniform(-0.6, 0.6, 2), 1.0])
    normal /= np.linalg.norm(normal)
    # The point d (u, v, -1) of a ray lies on the plane: normal . point = -distance.
    depth = distance / (normal[2] - normal[0] * u - normal[1] * v)
    return depth, np.broadcast_to(normal, (*depth.shape, 3)).copy()
