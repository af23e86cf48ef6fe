"""Algorithm 1 as a table of updates. A variant of the method is another table.

Every line of the algorithm has one form: on these images, take this loss, change these
networks. `algorithm_1` is the whole of it, in the paper's order; `stages` are the three
of appendix B.
"""

import dataclasses
from collections.abc import Callable

import tensorflow as tf

from mgm_tf.examples import Examples
from mgm_tf.objectives import (
    Contrastive,
    Discriminate,
    Generate,
    MultiTask,
    Networks,
    Objective,
    Scene,
    generated,
)

NETWORKS = (
    "encoder",
    "decoders",
    "refiner",
    "projector",
    "embedding",
    "generator",
    "discriminator",
)

STAGE_NAMES = ("multi_task", "generative", "joint")

Images = Callable[[Networks, Examples], Examples]


@dataclasses.dataclass(frozen=True)
class Update:
    """One line of Algorithm 1: on `images`, minimise `loss`, changing only `trains`.

    Attributes:
      name: of the line; its losses are logged under it.
      images: where the images come from.
      loss: what is minimised.
      trains: the networks whose weights change.
      advances: the networks whose moving averages of batch normalisation advance.
      drawing_advances: the same in the pass that makes the images.
    """

    name: str
    images: Images
    loss: Objective
    trains: tuple[str, ...]
    advances: tuple[str, ...] = ()
    drawing_advances: tuple[str, ...] = ()


def real(networks: Networks, examples: Examples) -> Examples:
    """(x, y, c): the minibatch itself."""
    return examples


def synthetic(networks: Networks, examples: Examples) -> Examples:
    """(x~, c~) = G(x, c): as many as there are real ones, with their scene labels.

    Constants to whatever follows. Reading: G learns in its own update only.
    """
    images = tf.stop_gradient(generated(networks, examples))
    condition = examples.synthesis_condition
    return Examples(images, condition, examples.draws.of("synthetic"))


def weakly_labelled(networks: Networks, examples: Examples) -> Examples:
    """(x~, c~): real images of which nothing but the scene is known (MGM_r)."""
    if examples.weak is None:
        raise LookupError("These batches have no weakly labelled images.")
    return examples.weak


def absent(networks: Networks, examples: Examples) -> Examples:
    """No images: rows that name this are left out."""
    raise LookupError("There are no weakly labelled images in this algorithm.")


@dataclasses.dataclass(frozen=True)
class Objectives:
    """The losses that the rows of the algorithm name."""

    multi_task: MultiTask
    scene: Scene
    contrastive: Contrastive
    discriminate: Discriminate
    generate: Generate


@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """Which networks an auxiliary loss changes, on real and on weakly labelled ones."""

    on_real: tuple[str, ...] = ()
    on_weak: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class WeakSource:
    """Where images with nothing but a scene label come from, and how it learns."""

    images: Images
    learns: bool


MULTI_TASK_NETWORK = ("encoder", "decoders")

REFINEMENT = {  # Table 9
    "eml": Auxiliary(on_real=("refiner", "encoder"), on_weak=("encoder",)),
    "lset": Auxiliary(on_real=("refiner",), on_weak=("encoder",)),
    "peoe": Auxiliary(
        on_real=("refiner", *MULTI_TASK_NETWORK),
        on_weak=("refiner", *MULTI_TASK_NETWORK),
    ),
    "none": Auxiliary(),
}
SELF_SUPERVISION = {  # Table 4
    "simclr": Auxiliary(on_real=("projector", "encoder"), on_weak=("encoder",)),
    "none": Auxiliary(),
}
WEAK = {  # Tables 2 and 3
    "synthetic": WeakSource(synthetic, learns=True),
    "real": WeakSource(weakly_labelled, learns=False),
    "none": WeakSource(absent, learns=False),
}


def adversarial(objectives: Objectives, generator_trains: tuple[str, ...]):
    """The two players; the generator's row comes second, as in the authors' order."""
    return (
        Update("discriminate", real, objectives.discriminate, ("discriminator",)),
        Update("generate", real, objectives.generate, generator_trains),
    )


def algorithm_1(
    objectives: Objectives,
    weak: WeakSource,
    refinement: Auxiliary,
    self_supervision: Auxiliary,
    generator_updates: int,
) -> tuple[Update, ...]:
    """The updates of one iteration, in the paper's order.

    Args:
      generator_updates: how often the pair of players moves (appendix B: 2). Reading:
        each time both do.
    """
    scene, contrastive = objectives.scene, objectives.contrastive
    players = adversarial(objectives, ("generator", "embedding", "encoder"))
    rows = (
        Update("multi_task", real, objectives.multi_task, MULTI_TASK_NETWORK),
        Update("refine", real, scene, refinement.on_real),
        Update("self_supervise", real, contrastive, self_supervision.on_real),
        *players * generator_updates * weak.learns,
        Update("refine_weak", weak.images, scene, refinement.on_weak),
        Update(
            "self_supervise_weak", weak.images, contrastive, self_supervision.on_weak
        ),
    )
    return tuple(row for row in rows if row.trains and row.images is not absent)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the training.

    Attributes:
      name: one of `STAGE_NAMES`.
      updates: of a step.
      batch_size: examples in a step.
      steps: how many there are.
      weak_batch_size: real, weakly labelled images in a step, beside the examples.
    """

    name: str
    updates: tuple[Update, ...]
    batch_size: int
    steps: int
    weak_batch_size: int = 0

    @property
    def reads_weak(self) -> bool:
        """Whether a step needs real images that are weakly labelled."""
        return any(row.images is weakly_labelled for row in self.updates)

    @property
    def reads_scenes(self) -> bool:
        """Whether a step needs scene labels."""
        return any(row.loss.reads_scenes for row in self.updates)


def stage_updates(objectives: Objectives, joint: tuple[Update, ...]) -> dict:
    """The updates of the stages of appendix B, by name, from those of the last.

    Stage 1 trains M alone; stage 2 G and the embedding with M frozen; stage 3 all.
    """
    names = {row.name for row in joint}
    players = adversarial(objectives, ("generator", "embedding"))
    generative = tuple(row for row in players if row.name in names)
    return dict(zip(STAGE_NAMES, (joint[:1], generative, joint), strict=True))


# Reading: batch statistics are taken in every pass of training. The moving averages,
# which are used at test time only, advance in one update of each network, on images
# like those met at test time.
HOME = {
    "multi_task": MULTI_TASK_NETWORK,
    "refine": ("refiner",),
    "self_supervise": ("projector",),
    "discriminate": ("discriminator",),
    "generate": ("generator", "embedding"),
}


@dataclasses.dataclass(frozen=True)
class MovingStatistics:
    """When moving averages advance: in an update's pass, and in that for its images."""

    in_update: Callable[[Update], tuple[str, ...]]
    in_drawing: tuple[str, ...] = ()


MOVING_STATISTICS = {
    "home": MovingStatistics(lambda row: HOME.get(row.name, ())),
    "trained": MovingStatistics(lambda row: row.trains),
    "everywhere": MovingStatistics(lambda row: NETWORKS, NETWORKS),
}


def with_moving_statistics(
    updates: tuple[Update, ...], rule: str
) -> tuple[Update, ...]:
    """The updates with what advances filled in by a rule of `MOVING_STATISTICS`."""
    chosen = MOVING_STATISTICS[rule]
    return tuple(
        dataclasses.replace(
            row, advances=chosen.in_update(row), drawing_advances=chosen.in_drawing
        )
        for row in updates
    )
