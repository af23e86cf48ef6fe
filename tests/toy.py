"""Small stand-ins that tests share: tasks, losses, a stored batch, networks."""

import dataclasses
import functools
from collections.abc import Iterable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from datasets.metadata import TaskInfo, depth_info, normals_info, segmentation_info
from mgm_tf.config.settings import Config, MethodConfig
from mgm_tf.data.examples import Reader
from mgm_tf.method.adashare import LearnPolicy, SampledPolicy, UnderPolicy
from mgm_tf.method.algorithm import Method
from mgm_tf.method.objectives import (
    MultiTask,
)
from mgm_tf.method.synthesis_labels import of_the_minibatch
from mgm_tf.networks import build_networks
from mgm_tf.networks.task_weights import costs_of
from mgm_tf.tasks.dense import Task, task_of
from mgm_tf.tasks.scenes import Categorical
from mgm_tf.train import composition

SIZE = 64
BATCH = 4
WEAK_BATCH = 6  # weakly labelled images beside them
EXTRA_SIZES = {"weak": WEAK_BATCH, "held_out": BATCH}
SCENES = (0, 2, -1, 1)  # of the batch: one is not known
SCENE_CLASSES = Categorical(("kitchen", "office", "bedroom"))

_UNIT_INTERVAL: dict[str, Any] = {"scale": 1 / 65534, "offset": -1 / 65534}
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
Z_DIM = 16  # of the networks here


def tasks_of(names: Iterable[str]) -> tuple[Task, ...]:
    """The tasks of these names."""
    return tuple(task_of(INFOS[name]) for name in names)


def method(
    names: Sequence[str],
    weak: str = "synthetic",
    refinement: str = "eml",
    self_supervision: str = "simclr",
    generator_updates: int = 2,
    *,
    synthesizers: tuple[str, ...] = (),
    latent_size: int = Z_DIM,
    **changes: Any,
) -> Method:
    """Returns a method for the tasks of these names.

    Args:
      names: the names of the tasks.
      weak: the value of `--weak`; the next three are flags as well.
      refinement: of `--refinement`.
      self_supervision: of `--self_supervision`.
      generator_updates: of `--generator_updates`.
      synthesizers: the names of networks of other runs that synthesize.
      latent_size: the number of entries of z.
      changes: further settings of `MethodConfig`, or attributes of `Method` that are
        other ones than the settings say.
    """
    flags = {field.name for field in dataclasses.fields(MethodConfig)}
    settings = {name: value for name, value in changes.items() if name in flags}
    method_settings = MethodConfig(
        weak=weak,  # type: ignore[arg-type]
        refinement=refinement,  # type: ignore[arg-type]
        self_supervision=self_supervision,  # type: ignore[arg-type]
        generator_updates=generator_updates,
        **({"em_steps": 2} | settings),
    )
    described = composition.method_of(
        Config(method=method_settings),
        tasks_of(names),
        SCENE_CLASSES,
        synthesizers,
        latent_size,
    )
    others = {name: value for name, value in changes.items() if name not in flags}
    return dataclasses.replace(described, **others)


def policy(multi_task: MultiTask) -> LearnPolicy:
    """The losses of AdaShare's policy stage, by the paper's constants."""
    sampled = SampledPolicy(temperature=5.0, decay=0.965, curriculum=0.15)
    return LearnPolicy(UnderPolicy(multi_task, sampled), sparsity=0.001, sharing=0.05)


def reader(names: Iterable[str], extra: Iterable[str] = ("weak",)) -> Reader:
    """Makes examples of `raw_batch`."""
    labels = functools.partial(
        of_the_minibatch,
        scene_classes=SCENE_CLASSES,
        frequencies=None,  # type: ignore[arg-type]
    )
    sizes = {name: EXTRA_SIZES[name] for name in extra}
    return Reader(tasks_of(names), SCENE_CLASSES, 7, BATCH, sizes, labels)


def raw_batch(names: Sequence[str], step: int = 0) -> dict[str, tf.Tensor]:
    """A batch as it is stored, most of whose missing labels are in its first half.

    The first example lacks every map but half of its segmentation, the second a quarter
    of each, the last a row; the scene of the third is not known. So it is with the
    examples that are held out.
    """
    batch = _labelled_batch(names, step, np.random.default_rng(1))
    random = np.random.default_rng(3)
    batch["weak"] = {
        "image": random.integers(0, 256, (WEAK_BATCH, SIZE, SIZE, 3), np.uint8),
        "scene": np.array((1, 0, 2, -1, 1, 0), np.int32),
        "position": np.arange(WEAK_BATCH),
        "step": np.full(WEAK_BATCH, step),
    }
    batch["held_out"] = _labelled_batch(names, step, random)
    return tf.nest.map_structure(tf.constant, batch)


def _labelled_batch(
    names: Sequence[str], step: int, random: np.random.Generator
) -> dict:
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
    return batch


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


def noted(networks: dict[str, keras.Model]) -> dict[str, keras.Model]:
    """The networks, after two passes where one keeps a record of the losses."""
    for network in networks.values():
        for place, record in enumerate(network.non_trainable_variables):
            if record.name in ("last", "before_last", "sums"):
                record.assign(np.linspace(1.0, 2.0 + place, *record.shape))
            if record.name == "number":
                record.assign(2.0)
    return networks


def costs(names: Iterable[str]) -> tuple[float, ...]:
    """What the uncertainty of the tasks of these names costs."""
    return costs_of([bool(task.info.class_names) for task in tasks_of(names)])


def tiny_networks(tasks: Sequence[str], **changes: Any) -> dict[str, keras.Model]:
    """The real networks, a sixteenth as wide, for the tasks of these names.

    E is the shortest of the encoders: another block would show nothing more.
    """
    keras.utils.set_random_seed(0)
    channels = {task.name: task.output_channels for task in tasks_of(tasks)}
    settings = {
        "width": 1 / 16,
        "encoder": "resnet10",
        "z_dim": Z_DIM,
        "costs": costs(tasks),
        **changes,
    }
    return noted(shaken(build_networks(channels, SCENE_CLASSES.size, SIZE, **settings)))


def tiny_dcgan_networks(names: Sequence[str]) -> dict[str, keras.Model]:
    """`tiny_networks` with DCGAN's pair."""
    return tiny_networks(names, gan="dcgan")
