"""Small stand-ins that tests share: tasks, losses, a stored batch, networks."""

import functools

import keras
import numpy as np
import tensorflow as tf

from datasets.metadata import TaskInfo, depth_info, normals_info, segmentation_info
from mgm_tf.algorithm import Objectives
from mgm_tf.examples import Reader
from mgm_tf.labels import Categorical
from mgm_tf.networks import build_networks
from mgm_tf.objectives import Contrastive, Discriminate, Generate, MultiTask, Scene
from mgm_tf.synthesis import of_the_minibatch
from mgm_tf.tasks import Task, task_of

SIZE = 64
BATCH = 4
WEAK_BATCH = 6  # weakly labelled images beside them
SCENES = (0, 2, -1, 1)  # of the batch: one is not known
LABELS = Categorical(("kitchen", "office", "bedroom"))

_UNIT_INTERVAL = {"scale": 1 / 65534, "offset": -1 / 65534}
INFOS = {
    info.name: info
    for info in (
        segmentation_info(("wall", "floor", "bed", "lamp"), ((0, 0, 0),) * 4),
        depth_info(),
        normals_info(),
        TaskInfo(name="edges", target_scale=(0.1,), **_UNIT_INTERVAL),
        TaskInfo(name="reshading", target_shift=(0.5,), **_UNIT_INTERVAL),
        TaskInfo(name="curvature", channels=2, scale=1 / 16384, offset=-2.0),
    )
}
ALL_TASKS = tuple(INFOS)
TWO_TASKS = ("segmentation", "depth")


def tasks_of(names) -> tuple[Task, ...]:
    """The tasks of these names."""
    return tuple(task_of(INFOS[name]) for name in names)


def objectives(names) -> Objectives:
    """The losses, of the tasks of these names."""
    return Objectives(
        multi_task=MultiTask(tasks_of(names)),
        scene=Scene(LABELS),
        contrastive=Contrastive(0.5),
        discriminate=Discriminate(0.01),
        generate=Generate(0.01),
    )


def reader(names) -> Reader:
    """Makes examples of `raw_batch`."""
    wanted = functools.partial(of_the_minibatch, labels=LABELS, frequencies=None)
    return Reader(tasks_of(names), LABELS, 7, BATCH, WEAK_BATCH, wanted)


def raw_batch(names, step: int = 0) -> dict[str, tf.Tensor]:
    """A batch as it is stored, most of whose missing labels are in its first half.

    The first example lacks every map but half of its segmentation, the second a quarter
    of each, the last a row; the scene of the third is not known.
    """
    random = np.random.default_rng(1)
    batch = {
        "image": random.integers(0, 256, (BATCH, SIZE, SIZE, 3), np.uint8),
        "scene": np.array(SCENES, np.int32),
        "position": np.arange(BATCH),
        "step": np.full(BATCH, step),
    }
    for name in names:
        info = INFOS[name]
        # 0 is no label, but for class numbers.
        low, high = (0, len(info.class_names)) if info.class_names else (1, 65536)
        raw = random.integers(low, high, (BATCH, SIZE, SIZE, info.channels))
        raw[0, : SIZE // 2 if info.class_names else SIZE] = info.missing
        raw[1, : SIZE // 2, : SIZE // 2] = info.missing
        raw[3, 5] = info.missing
        batch[name] = raw.astype(info.dtype)
    batch["weak"] = {
        "image": random.integers(0, 256, (WEAK_BATCH, SIZE, SIZE, 3), np.uint8),
        "scene": np.array((1, 0, 2, -1, 1, 0), np.int32),
        "position": np.arange(WEAK_BATCH),
        "step": np.full(WEAK_BATCH, step),
    }
    return tf.nest.map_structure(tf.constant, batch)


def shaken(networks: dict[str, keras.Model]) -> dict[str, keras.Model]:
    """The networks with every weight off the value at which it starts.

    At zeros and ones, as those of a new self-attention, weights have no effect or look
    as if they had none.
    """
    random = np.random.default_rng(2)
    for network in networks.values():
        for weight in network.trainable_variables:
            weight.assign(weight + 0.1 * random.standard_normal(weight.shape))
    return networks


def tiny_networks(names, gan: str = "sagan") -> dict[str, keras.Model]:
    """The real networks, a sixteenth as wide, for the tasks of these names."""
    keras.utils.set_random_seed(0)
    channels = {task.name: task.output_channels for task in tasks_of(names)}
    settings = {"width": 1 / 16, "z_dim": 16, "gan": gan}
    return shaken(build_networks(channels, LABELS.size, SIZE, **settings))


def tiny_dcgan_networks(names) -> dict[str, keras.Model]:
    """`tiny_networks` with DCGAN's pair."""
    return tiny_networks(names, gan="dcgan")
