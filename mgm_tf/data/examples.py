"""What an update of Algorithm 1 works on: images, and what is known of them."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from mgm_tf.data.augmentation.geometry import LabelledImages, augment_labelled_images
from mgm_tf.data.randomness import BatchRng
from mgm_tf.tasks import losses, replicas
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

# Extra examples of a batch: real images of which nothing but the scene is known
# (MGM_r), and labelled ones from which AdaShare learns its policies.
WEAK, HELD_OUT = "weak", "held_out"
# What labels the scene; label maps are named after their tasks.
SCENE = "scene"


@dataclasses.dataclass(frozen=True)
class StageProgress:
    """How far a stage has come.

    Attributes:
      fraction: the part of its steps that is done, [] float32 in [0, 1).
      epochs: how often its training examples have been seen, [] float32.
    """

    fraction: tf.Tensor
    epochs: tf.Tensor

    @classmethod
    def start(cls) -> "StageProgress":
        """Returns the progress before the first step."""
        return cls(tf.zeros(()), tf.zeros(()))


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images with their labels, as networks see them.

    Attributes:
      images: the images, [N, H, W, 3] in [-1, 1].
      condition: the scene labels as vectors, [N, classes]; all zeros where the scene is
        not known.
      rng: the random numbers of these examples.
      targets: task name -> label map [N, H, W, channels] in the network's coding; empty
        for synthesized images.
      valid: task name -> where its map has a label, [N, H, W] booleans.
      synthesis_condition: c~, the scene labels of the images that are synthesized from
        these, [N, classes]; those of the examples themselves if none are given.
      extra: further examples of the batch by name, `WEAK` or `HELD_OUT`.
      stage_progress: how far the stage has come.
      synthesized: (source of z, name of G) -> the images that G made of these in this
        step, where updates share them; else None.
      label_weights: of a part of a batch, the name of labels -> the weight of a mean
        over those of the part in the mean over the parts, []; empty for a whole batch.
    """

    images: tf.Tensor
    condition: tf.Tensor
    rng: BatchRng
    targets: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    valid: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    synthesis_condition: tf.Tensor = None
    extra: Mapping[str, "Examples"] = dataclasses.field(default_factory=dict)
    stage_progress: StageProgress = dataclasses.field(
        default_factory=StageProgress.start
    )
    synthesized: dict | None = None
    label_weights: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.synthesis_condition is None:
            object.__setattr__(self, "synthesis_condition", self.condition)

    def weighted(self, labels: str, mean: tf.Tensor) -> tf.Tensor:
        """Returns a mean over the labelled, [], such that parts average to the batch's.

        Args:
          labels: the labels without which there is nothing: of a task, or `SCENE`.
          mean: the mean over what has a label.
        """
        weight = self.label_weights.get(labels)
        return mean if weight is None else weight * mean

    def parts(self, number: int) -> list["Examples"]:
        """Returns the examples in so many parts of the same size, in their order.

        Their random numbers are those that they have in the whole.

        Raises:
          ValueError: they cannot be divided like that.
        """
        if number == 1:
            return [self]
        count = self.images.shape[0]
        if count % number:
            raise ValueError(f"{count} examples cannot be divided into {number} parts.")
        size = count // number
        extra = {name: each.parts(number) for name, each in self.extra.items()}
        return [
            self._part(slice(place * size, (place + 1) * size), place, extra)
            for place in range(number)
        ]

    def _part(
        self, rows: slice, place: int, extra: Mapping[str, list["Examples"]]
    ) -> "Examples":
        return dataclasses.replace(
            self,
            images=self.images[rows],
            condition=self.condition[rows],
            rng=dataclasses.replace(self.rng, position=self.rng.position[rows]),
            targets={name: target[rows] for name, target in self.targets.items()},
            valid={name: valid[rows] for name, valid in self.valid.items()},
            synthesis_condition=self.synthesis_condition[rows],
            extra={name: parts[place] for name, parts in extra.items()},
        )

    def repeated(self, ratio: float) -> "Examples":
        """Returns `ratio` times as many examples, each turn with its own randomness."""
        count = self.images.shape[0]
        repeated_count = max(round(ratio * count), 1)
        if repeated_count == count:
            return self
        indices = _cycled_indices(repeated_count, count)
        return Examples(
            images=tf.gather(self.images, indices),
            condition=tf.gather(self.condition, indices),
            rng=self.rng.repeated(indices),
            synthesis_condition=tf.gather(self.synthesis_condition, indices),
            stage_progress=self.stage_progress,
        )


def as_one_batch(parts: Sequence[Examples]) -> list[Examples]:
    """Returns the parts of a batch, weighted by their numbers of labels.

    Losses are means over labelled pixels and known scenes, of which a part has more
    than another: the mean over the batch is not the mean of the parts' means.
    """
    if len(parts) == 1:
        return list(parts)
    numbers = [_label_numbers(part) for part in parts]
    means = {
        name: tf.add_n([each[name] for each in numbers]) / len(parts)
        for name in numbers[0]
    }
    return [
        dataclasses.replace(
            part,
            label_weights={
                name: tf.math.divide_no_nan(number, means[name])
                for name, number in own.items()
            },
        )
        for part, own in zip(parts, numbers, strict=True)
    ]


def _label_numbers(examples: Examples) -> dict[str, tf.Tensor]:
    """Returns how many labels there are, over all replicas, by their name."""
    masks = {**examples.valid, SCENE: losses.is_known(examples.condition)}
    return {
        name: replicas.total(tf.reduce_sum(tf.cast(mask, tf.float32)))
        for name, mask in masks.items()
    }


def _cycled_indices(repeated_count: int, count: int) -> Sequence[int]:
    """Returns `repeated_count` indices that cycle through `count` examples.

    The last turn takes evenly spread ones: replicas that hold equally many examples
    take, all together, what one device takes.
    """
    turns, rest = divmod(repeated_count, count)
    return [*range(count)] * turns + [index * count // rest for index in range(rest)]


@dataclasses.dataclass(frozen=True)
class StageSpan:
    """The steps of a stage, from which its progress at a step follows.

    Attributes:
      begin: the step of the run at which the stage begins.
      steps: the number of its steps.
      examples: the number of examples that it is trained on.
    """

    begin: int = 0
    steps: int = 1
    examples: int = 1

    def progress_at(self, step: tf.Tensor, batch_size: int) -> StageProgress:
        """Returns the progress at a step of the run."""
        done = tf.cast(step - self.begin, tf.float32)
        return StageProgress(done / self.steps, done * (batch_size / self.examples))


def network_images(images: tf.Tensor) -> tf.Tensor:
    """Converts images from 0..255 to [-1, 1] (appendix B, "Data Processing")."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


@dataclasses.dataclass(frozen=True)
class Reader:
    """Makes `Examples` of stored batches.

    Attributes:
      tasks: the tasks that are learned.
      scene_classes: the scene classes.
      seed: the seed of the run.
      batch_size: the number of examples in the global batch.
      extra: name -> number of extra examples of that name in the global batch.
      synthesis_labels: (condition, rng) -> the scene labels of what is synthesized; if
        None, those of the minibatch.
      augmentation: the geometric augmentation of labelled examples, a key of
        `geometry.AUGMENTATIONS`.
      span: the steps of the stage.
    """

    tasks: tuple[Task, ...]
    scene_classes: SceneClasses
    seed: int
    batch_size: int
    extra: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)
    synthesis_labels: Callable[[tf.Tensor, BatchRng], tf.Tensor] | None = None
    augmentation: str = "none"
    span: StageSpan = StageSpan()

    def __call__(self, batch: Mapping) -> Examples:
        """Returns the examples of a batch of `batches.Batches`."""
        step = batch["step"][0]
        rng = BatchRng.at(self.seed, step, batch["position"], self.batch_size)
        examples = self._examples(batch, rng)
        return dataclasses.replace(
            examples,
            synthesis_condition=self._synthesis_condition(examples),
            extra={
                name: self._extra_examples(name, batch[name]) for name in self.extra
            },
            stage_progress=self.span.progress_at(step, self.batch_size),
        )

    def _synthesis_condition(self, examples: Examples) -> tf.Tensor:
        if self.synthesis_labels is None:
            return examples.condition
        return self.synthesis_labels(examples.condition, examples.rng.fold_in("wanted"))

    def _extra_examples(self, name: str, batch: Mapping[str, tf.Tensor]) -> Examples:
        size = self.extra[name]
        rng = BatchRng.at(self.seed, batch["step"][0], batch["position"], size)
        return self._examples(batch, rng.fold_in(name))

    def _examples(self, batch: Mapping[str, tf.Tensor], rng: BatchRng) -> Examples:
        tasks = [task for task in self.tasks if task.name in batch]
        labelled = self._labelled_images(batch, tasks, rng)
        return Examples(
            images=labelled.images,
            condition=self.scene_classes.condition(batch["scene"]),
            rng=rng,
            targets={
                task.name: task.target(labelled.physical[task.name]) for task in tasks
            },
            valid=labelled.valid,
        )

    def _labelled_images(
        self, batch: Mapping[str, tf.Tensor], tasks: Sequence[Task], rng: BatchRng
    ) -> LabelledImages:
        """Returns images with label maps in physical values, augmented alike."""
        images = network_images(batch["image"])
        if not tasks:
            # Geometric augmentation is of images with label maps.
            return LabelledImages(images, {}, {})
        maps = {task.name: task.read(batch[task.name]) for task in tasks}
        labelled = LabelledImages(
            images=images,
            physical={name: physical for name, (physical, _) in maps.items()},
            valid={name: valid for name, (_, valid) in maps.items()},
        )
        return augment_labelled_images(
            labelled, rng.fold_in("augmentation"), self.augmentation
        )
