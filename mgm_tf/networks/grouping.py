"""Task grouping: tasks that help each other share a network (Standley et al., 2020).

A group is a tuple of tasks that are learned by an encoder of their own. A task may be
in several groups: it is read from the last that has it, in the others it is there only
for what it teaches their encoder.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf

from mgm_tf.networks.decoders import Decoders
from mgm_tf.networks.layers.base import CompositeModel

Groups = Sequence[Sequence[str]]

_JOINED_BY = "+"


def parse_groups(
    texts: Sequence[str], tasks: Sequence[str]
) -> tuple[tuple[str, ...], ...]:
    """Reads the groups that texts such as "segmentation+normals" name.

    Args:
      texts: the tasks of each group, joined by "+".
      tasks: the names of all tasks.

    Raises:
      ValueError: a group names an unknown task or one twice, or a task is in no group.
    """
    groups = tuple(
        tuple(task.strip() for task in text.split(_JOINED_BY)) for text in texts
    )
    for text, group in zip(texts, groups, strict=True):
        unknown = [task for task in group if task not in tasks]
        if unknown:
            raise ValueError(
                f"Expected groups of {', '.join(tasks)}, joined by {_JOINED_BY!r}, "
                f"got {text!r} with {', '.join(map(repr, unknown))}."
            )
        twice = [task for task, number in Counter(group).items() if number > 1]
        if twice:
            raise ValueError(
                f"Expected every task once in a group, got {text!r} with "
                f"{', '.join(twice)} more than once."
            )
    left_out = [task for task in tasks if not any(task in group for group in groups)]
    if left_out:
        raise ValueError(
            f"Expected every task in some group, got {', '.join(texts) or 'no group'} "
            f"without {', '.join(left_out)}."
        )
    return groups


def served_by(groups: Groups) -> dict[str, int]:
    """Returns the place (from 0) of the group that a task is read from: its last."""
    return {task: place for place, group in enumerate(groups) for task in group}


def output_names(groups: Groups) -> tuple[dict[str, str], ...]:
    """Returns, for every group, task -> the name of its prediction, no name twice.

    It is the task's own name in the group it is read from, elsewhere one such as
    "normals_in_group_1", counted from 1.
    """
    last = served_by(groups)
    return tuple(
        {
            task: task if last[task] == place else f"{task}_in_group_{place + 1}"
            for task in group
        }
        for place, group in enumerate(groups)
    )


class GroupedEncoder(CompositeModel):
    """An encoder for each group; they share nothing.

    Interpretation: the gradients of a group's tasks are summed, as for every encoder
    here. Standley et al. divide what reaches an encoder by the root of their number.

    Args:
      encoders: the encoder of each group by its name.
    """

    def __init__(self, encoders: Mapping[str, keras.Model], name: str | None = None):
        super().__init__(name=name)
        self.encoders = dict(encoders)

    def call(self, images: tf.Tensor, training: bool = False) -> dict[str, tf.Tensor]:
        """Maps [N, H, W, C] to {group: features [N, h, w, width]}."""
        return {
            group: encoder(images, training=training)
            for group, encoder in self.encoders.items()
        }


class GroupedDecoders(CompositeModel):
    """The decoders of each group, on the features of its encoder.

    Args:
      decoders: the decoders of each group's tasks, by the group's name.
      outputs: the names of each group's predictions, {group: {task: name}}; see
        `output_names`.

    Raises:
      ValueError: groups or tasks of `decoders` and `outputs` differ, or a name is given
        to two predictions.
    """

    def __init__(
        self,
        decoders: Mapping[str, Decoders],
        outputs: Mapping[str, Mapping[str, str]],
        name: str | None = None,
    ):
        super().__init__(name=name)
        predicted = {group: set(part.decoders) for group, part in decoders.items()}
        named = {group: set(names) for group, names in outputs.items()}
        if predicted != named:
            raise ValueError(
                f"Expected names for the tasks {predicted}, got them for {named}."
            )
        counts = Counter(key for names in outputs.values() for key in names.values())
        twice = [key for key, number in counts.items() if number > 1]
        if twice:
            raise ValueError(
                f"Expected a name for each prediction, got {', '.join(twice)} twice."
            )
        self.decoders = dict(decoders)
        self.outputs_of = {group: dict(names) for group, names in outputs.items()}

    def call(
        self, features: Mapping[str, tf.Tensor], training: bool = False
    ) -> dict[str, tf.Tensor]:
        """Maps {group: features [N, h, w, C]} to {name: prediction [N, H, W, C']}."""
        predictions: dict[str, tf.Tensor] = {}
        for group, decoders in self.decoders.items():
            own = decoders(features[group], training=training)
            names = self.outputs_of[group]
            predictions |= {names[task]: value for task, value in own.items()}
        return predictions
