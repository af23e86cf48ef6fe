"""How the tasks share their network M: encoder, decoders and what joins them."""

import dataclasses
from collections.abc import Callable, Mapping

import keras

from mgm_tf.networks.adashare import AdaShareEncoder, Policy
from mgm_tf.networks.cross_stitch import CrossStitchEncoder
from mgm_tf.networks.decoders import Decoder, Decoders
from mgm_tf.networks.encoders import ResNet
from mgm_tf.networks.grouping import (
    GroupedDecoders,
    GroupedEncoder,
    output_names,
    parse_groups,
    served_by,
)

Networks = dict[str, keras.Model]


@dataclasses.dataclass(frozen=True)
class Parts:
    """What M is made of.

    Attributes:
      tasks: names.
      encoder: (name) -> a new encoder.
      decoder: (task) -> a new decoder.
      groups: tasks of each network of task grouping, `depth+normals`.
    """

    tasks: tuple[str, ...]
    encoder: Callable[[str], ResNet]
    decoder: Callable[[str], Decoder]
    groups: tuple[str, ...] = ()

    def decoders(self, tasks, name: str = "decoders") -> Decoders:
        """A decoder for each of these tasks."""
        return Decoders({task: self.decoder(task) for task in tasks}, name=name)


@dataclasses.dataclass(frozen=True)
class Core:
    """The encoder and the decoder by which a task is predicted."""

    encoder: keras.Model
    decoder: keras.Layer


@dataclasses.dataclass(frozen=True)
class Sharing:
    """A row of `SHARING`.

    Attributes:
      build: (parts) -> `encoder`, `decoders` and further networks by name.
      core: (networks, task) -> what predicts the task.
      outputs: (tasks, groups) -> predictions, (key, task): all that are trained.
      learns_policy: whether a policy is learned in a stage of its own.
      shares_features: whether the encoder gives the same to all tasks.
    """

    build: Callable[[Parts], Networks]
    core: Callable[[Mapping[str, keras.Model], str], Core]
    outputs: Callable[..., tuple[tuple[str, str], ...]] = lambda tasks, groups: tuple(
        (task, task) for task in tasks
    )
    learns_policy: bool = False
    shares_features: bool = False


def _hard(parts: Parts) -> Networks:
    return {
        "encoder": parts.encoder("encoder"),
        "decoders": parts.decoders(parts.tasks),
    }


def _hard_core(networks, task: str) -> Core:
    return Core(networks["encoder"], networks["decoders"].decoders[task])


def _cross_stitch(parts: Parts) -> Networks:
    encoders = {task: parts.encoder(f"encoder_of_{task}") for task in parts.tasks}
    return {
        "encoder": CrossStitchEncoder(encoders, name="encoder"),
        "decoders": parts.decoders(parts.tasks),
    }


def _cross_stitch_core(networks, task: str) -> Core:
    encoder = networks["encoder"].encoders[task]
    return Core(encoder, networks["decoders"].decoders[task])


def _adashare(parts: Parts) -> Networks:
    encoder = parts.encoder("blocks")
    policy = Policy(len(parts.tasks), len(encoder.blocks), name="policy")
    return {
        "encoder": AdaShareEncoder(encoder, parts.tasks, policy, name="encoder"),
        "decoders": parts.decoders(parts.tasks),
        "policy": policy,
    }


def _adashare_core(networks, task: str) -> Core:
    encoder = networks["encoder"].encoder
    return Core(encoder, networks["decoders"].decoders[task])


def _task_grouping(parts: Parts) -> Networks:
    groups = parse_groups(parts.groups, parts.tasks)
    names = [f"group_{place}" for place in range(1, len(groups) + 1)]
    by_name = dict(zip(names, groups, strict=True))
    outputs = dict(zip(names, output_names(groups), strict=True))
    decoders = {
        name: parts.decoders(group, f"decoders_of_{name}")
        for name, group in by_name.items()
    }
    return {
        "encoder": GroupedEncoder(
            {name: parts.encoder(f"encoder_of_{name}") for name in names},
            name="encoder",
        ),
        "decoders": GroupedDecoders(decoders, outputs, name="decoders"),
    }


def _task_grouping_core(networks, task: str) -> Core:
    decoders = networks["decoders"].decoders
    place = served_by([tuple(group.decoders) for group in decoders.values()])[task]
    name = list(decoders)[place]
    return Core(networks["encoder"].encoders[name], decoders[name].decoders[task])


def _grouped_outputs(tasks, groups) -> tuple[tuple[str, str], ...]:
    return tuple(
        (key, task)
        for names in output_names(parse_groups(groups, tasks))
        for task, key in names.items()
    )


SHARING = {  # Table 6
    "hard": Sharing(_hard, _hard_core, shares_features=True),
    "cross_stitch": Sharing(_cross_stitch, _cross_stitch_core),
    "adashare": Sharing(_adashare, _adashare_core, learns_policy=True),
    "task_grouping": Sharing(_task_grouping, _task_grouping_core, _grouped_outputs),
}
