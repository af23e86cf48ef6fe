"""What an update of Algorithm 1 works on: images, and what is known of them."""

import dataclasses
from collections.abc import Callable, Mapping

import tensorflow as tf

from mgm_tf.data.augmentation.geometry import LabelledImages, augment_labelled_images
from mgm_tf.data.randomness import BatchRng
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses


@dataclasses.dataclass(frozen=True)
class StageProgress:
    """How far a stage is.

    Attributes:
      progress: the part of its steps that is done, [] float32 in [0, 1).
      passes: how often its training examples were seen, [] float32.
    """

    progress: tf.Tensor
    passes: tf.Tensor

    @classmethod
    def start(cls) -> "StageProgress":
        """The time before the first step."""
        return cls(tf.zeros(()), tf.zeros(()))


@dataclasses.dataclass(frozen=True)
class Examples:
    """Images with their labels, as networks see them.

    Attributes:
      images: [N, H, W, 3] in [-1, 1].
      condition: the scene label as a vector [N, classes]; all zero: not known.
      draws: random numbers for these examples.
      targets: task name -> [N, H, W, channels] in the network's coding; empty for
        synthesized images.
      valid: task name -> [N, H, W] booleans, where there is a label.
      wanted: the labels of what is synthesized from these, [N, classes]; if None, their
        own.
      beside: further examples by name, if there are such: `weak`, real images of which
        only the scene label is used; `held_out`, labelled ones for policies.
      clock: how far the stage is.
    """

    images: tf.Tensor
    condition: tf.Tensor
    rng: BatchRng
    targets: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    valid: Mapping[str, tf.Tensor] = dataclasses.field(default_factory=dict)
    wanted: tf.Tensor | None = None
    extra: Mapping[str, "Examples"] = dataclasses.field(default_factory=dict)
    stage_progress: StageProgress = dataclasses.field(
        default_factory=StageProgress.start
    )

    @property
    def synthesis_condition(self) -> tf.Tensor:
        """c~: the labels of what is synthesized, [N, classes]."""
        return self.condition if self.wanted is None else self.wanted

    def repeated(self, ratio: float) -> "Examples":
        """`ratio` times as many images, in turns, with draws of their own."""
        own = self.images.shape[0]
        number = max(round(ratio * own), 1)
        if number == own:
            return self
        places = _in_turns(number, own)
        return Examples(
            images=tf.gather(self.images, places),
            condition=tf.gather(self.condition, places),
            rng=self.rng.repeated(places),
            wanted=tf.gather(self.synthesis_condition, places),
            stage_progress=self.stage_progress,
        )


def _in_turns(number: int, own: int) -> list[int]:
    """The places of `number` examples that are taken of `own` in turns.

    The last turn takes evenly spread ones: replicas that hold as many examples each
    take, all together, what one device takes.
    """
    whole, rest = divmod(number, own)
    return [*range(own)] * whole + [place * own // rest for place in range(rest)]


@dataclasses.dataclass(frozen=True)
class Span:
    """The steps of a stage: what tells the time.

    Attributes:
      begin: the step of the run at which it begins.
      steps: how many there are.
      examples: that it is trained on.
    """

    begin: int = 0
    steps: int = 1
    examples: int = 1

    def stage_progress(self, step: tf.Tensor, batch_size: int) -> StageProgress:
        """The time at a step of the run."""
        done = tf.cast(step - self.begin, tf.float32)
        return StageProgress(done / self.steps, done * (batch_size / self.examples))


def network_images(images: tf.Tensor) -> tf.Tensor:
    """Images 0..255 as networks see them: [-1, 1] (appendix B, "Data Processing")."""
    return tf.cast(images, tf.float32) / 127.5 - 1.0


@dataclasses.dataclass(frozen=True)
class Reader:
    """Makes `Examples` of stored batches.

    Attributes:
      tasks: what is learned.
      labels: the scene classes.
      seed: of the run.
      batch_size: examples in the global batch.
      beside: name -> number of the further ones in it.
      wanted: (condition, draws) -> the labels of what is synthesized; if None, their
        own.
      augmentation: of labelled examples, a key of `geometry.AUGMENTATIONS`.
      span: the steps of the stage.
    """

    tasks: tuple[Task, ...]
    labels: SceneClasses
    seed: int
    batch_size: int
    extra: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)
    wanted: Callable[[tf.Tensor, BatchRng], tf.Tensor] | None = None
    augmentation: str = "none"
    span: Span = Span()

    def __call__(self, batch: Mapping) -> Examples:
        """The examples of a batch of `inputs.Batches`."""
        step = batch["step"][0]
        rng = BatchRng.at(self.seed, step, batch["position"], self.batch_size)
        examples = self._examples(batch, rng)
        wanted = self.wanted and self.wanted(examples.condition, rng.fold_in("wanted"))
        return dataclasses.replace(
            examples,
            wanted=wanted,
            extra={name: self._extra(name, batch[name]) for name in self.extra},
            stage_progress=self.span.stage_progress(step, self.batch_size),
        )

    def _extra(self, name: str, batch: Mapping[str, tf.Tensor]) -> Examples:
        size = self.extra[name]
        rng = BatchRng.at(self.seed, batch["step"][0], batch["position"], size)
        return self._examples(batch, rng.fold_in(name))

    def _examples(self, batch: Mapping[str, tf.Tensor], rng: BatchRng) -> Examples:
        tasks = [task for task in self.tasks if task.name in batch]
        world = self._world(batch, tasks, rng)
        return Examples(
            images=world.images,
            condition=self.labels.condition(batch["scene"]),
            rng=rng,
            targets={t.name: t.target(world.physical[t.name]) for t in tasks},
            valid=world.valid,
        )

    def _world(self, batch, tasks: list[Task], rng: BatchRng) -> LabelledImages:
        if not tasks:
            # Geometric augmentation is of images with label maps.
            return LabelledImages(network_images(batch["image"]), {}, {})
        read = {task.name: task.read(batch[task.name]) for task in tasks}
        world = LabelledImages(
            images=network_images(batch["image"]),
            physical={name: physical for name, (physical, _) in read.items()},
            valid={name: valid for name, (_, valid) in read.items()},
        )
        return augment_labelled_images(
            world, rng.fold_in("augmentation"), self.augmentation
        )
