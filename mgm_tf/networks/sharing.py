"""How the tasks share their network M: encoder, decoders and what joins them."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence

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
Outputs = tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts of which M is built.

    Attributes:
      tasks: the names of the tasks.
      encoder: creates an encoder, from its name.
      decoder: creates a decoder, from the task's name.
      groups: the tasks of each network of task grouping, such as `depth+normals`.
    """

    tasks: tuple[str, ...]
    encoder: Callable[[str], ResNet]
    decoder: Callable[[str], Decoder]
    groups: tuple[str, ...] = ()

    def decoders(self, tasks: Iterable[str], name: str = "decoders") -> Decoders:
        """Creates a decoder for each of these tasks."""
        return Decoders({task: self.decoder(task) for task in tasks}, name=name)


@dataclasses.dataclass(frozen=True)
class Core:
    """The encoder and the decoder that predict a task."""

    encoder: keras.Model
    decoder: keras.Layer


def _one_output_a_task(tasks: Sequence[str], groups: Sequence[str]) -> Outputs:
    return tuple((task, task) for task in tasks)


@dataclasses.dataclass(frozen=True)
class Sharing:
    """A way for the tasks to share M: a row of `SHARING`.

    Attributes:
      build: creates `encoder`, `decoders` and further networks by name, from the parts.
      core: selects the encoder and decoder of a task, from (networks, task).
      residual_networks: selects all ResNets that the network `encoder` consists of.
      outputs: names the predictions that are trained, ((key, task), ...), from (tasks,
        groups).
      learns_policy: whether a policy is learned in a stage of its own.
      shares_features: whether the encoder gives the same features to all tasks.
    """

    build: Callable[[Parts], Networks]
    core: Callable[[Mapping[str, keras.Model], str], Core]
    residual_networks: Callable[[keras.Model], Sequence[ResNet]]
    outputs: Callable[[Sequence[str], Sequence[str]], Outputs] = _one_output_a_task
    learns_policy: bool = False
    shares_features: bool = False


def _hard(parts: Parts) -> Networks:
    return {
        "encoder": parts.encoder("encoder"),
        "decoders": parts.decoders(parts.tasks),
    }


def _hard_core(networks: Mapping[str, keras.Model], task: str) -> Core:
    return Core(networks["encoder"], networks["decoders"].decoders[task])


def _cross_stitch(parts: Parts) -> Networks:
    encoders = {task: parts.encoder(f"encoder_of_{task}") for task in parts.tasks}
    return {
        "encoder": CrossStitchEncoder(encoders, name="encoder"),
        "decoders": parts.decoders(parts.tasks),
    }


def _cross_stitch_core(networks: Mapping[str, keras.Model], task: str) -> Core:
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


def _adashare_core(networks: Mapping[str, keras.Model], task: str) -> Core:
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


def _task_grouping_core(networks: Mapping[str, keras.Model], task: str) -> Core:
    decoders = networks["decoders"].decoders
    place = served_by([tuple(group.decoders) for group in decoders.values()])[task]
    name = list(decoders)[place]
    return Core(networks["encoder"].encoders[name], decoders[name].decoders[task])


def _grouped_outputs(tasks: Sequence[str], groups: Sequence[str]) -> Outputs:
    return tuple(
        (key, task)
        for names in output_names(parse_groups(groups, tasks))
        for task, key in names.items()
    )


def _itself(encoder: ResNet) -> list[ResNet]:
    return [encoder]


def _shared_one(encoder: AdaShareEncoder) -> list[ResNet]:
    return [encoder.encoder]


def _several(encoder: CrossStitchEncoder | GroupedEncoder) -> list[ResNet]:
    return list(encoder.encoders.values())


SHARING = {  # Table 6.
    "hard": Sharing(_hard, _hard_core, _itself, shares_features=True),
    "cross_stitch": Sharing(_cross_stitch, _cross_stitch_core, _several),
    "adashare": Sharing(_adashare, _adashare_core, _shared_one, learns_policy=True),
    "task_grouping": Sharing(
        _task_grouping, _task_grouping_core, _several, _grouped_outputs
    ),
}
