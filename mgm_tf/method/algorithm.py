"""Algorithm 1 as a table of updates. A variant of the method is another table.

Every line of the algorithm has one form: on these images, take this loss, change these
networks. `algorithm_1` is the whole of it, in the paper's order; `stages` are the three
of appendix B, and one of AdaShare's. What a method is made of, its losses, its images
and which rows it has, is a `Method`.
"""

import dataclasses
from collections.abc import Callable, Mapping

from mgm_tf.method.adashare import LearnPolicy
from mgm_tf.method.adversarial import Discriminate, Generate, Guided, Latent, Noise
from mgm_tf.method.gradients import Gradients, summed
from mgm_tf.method.images import (
    ABSENT,
    HELD_OUT,
    REAL,
    WEAK,
    Annotated,
    Combined,
    Images,
    Synthetic,
)
from mgm_tf.method.objectives import MultiTask, Objective, Scene
from mgm_tf.tasks.dense import Task

STAGE_NAMES = ("multi_task", "generative", "policy", "joint")


@dataclasses.dataclass(frozen=True)
class Average:
    """A network that follows another: the running average of its weights.

    Attributes:
      of: the network that is trained.
      into: the one that follows.
      decay: the share of the average that stays in a step.
    """

    of: str
    into: str
    decay: float


@dataclasses.dataclass(frozen=True)
class Update:
    """One line of Algorithm 1: on `images`, minimise `loss`, changing only `trains`.

    Attributes:
      name: of the line; its losses are logged under it.
      images: where the images come from.
      loss: what is minimised.
      trains: the networks whose weights change.
      gradients: how those of the terms of the loss become one.
      averages: the networks that follow one that is trained.
      advances: the networks whose moving averages of batch normalisation advance.
      drawing_advances: the same in the pass that makes the images.
    """

    name: str
    images: Images
    loss: Objective
    trains: tuple[str, ...]
    gradients: Gradients = summed
    averages: tuple[Average, ...] = ()
    advances: tuple[str, ...] = ()
    drawing_advances: tuple[str, ...] = ()

    @property
    def networks(self) -> tuple[str, ...]:
        """All networks that the update needs."""
        followers = (average.into for average in self.averages)
        return (*self.images.networks, *self.loss.networks, *self.trains, *followers)


@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """Which networks an auxiliary loss changes, on real and on weakly labelled ones."""

    on_real: tuple[str, ...] = ()
    on_weak: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class WeakSource:
    """Where the images beside the labelled ones come from, and how a GAN learns them.

    Attributes:
      images: what they are made of -> them.
      latent: (size) -> where z comes from.
      generative, joint: whether the two players move in these stages.
      trains: what label maps of the images change, if they have such.
    """

    images: Callable[["Synthesis"], Images]
    latent: Callable[[int], Latent] = Guided
    generative: bool = False
    joint: bool = False
    trains: tuple[str, ...] = ()


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
    "reconstruction": Auxiliary(
        on_real=("reconstructor", "encoder"), on_weak=("encoder",)
    ),
    "none": Auxiliary(),
}


@dataclasses.dataclass(frozen=True)
class Synthesis:
    """What images are synthesized by.

    Attributes:
      latent: where z comes from.
      generator: the network.
      size: of z.
      others: networks of other runs that synthesize.
      tasks: whose label maps an oracle gives.
      ratio: of synthesized images to real ones.
    """

    latent: Latent
    generator: str
    size: int
    others: tuple[str, ...]
    tasks: tuple[Task, ...]
    ratio: float


def _synthetic(wanted: Synthesis) -> Synthetic:
    return Synthetic(wanted.latent, wanted.generator, wanted.ratio)


def _combined(wanted: Synthesis) -> Combined:
    return Combined(wanted.size, wanted.others, wanted.ratio)


def _annotated(wanted: Synthesis) -> Annotated:
    return Annotated(_synthetic(wanted), wanted.tasks)


WEAK_SOURCES = {  # Tables 1, 2, 3 and 15
    "synthetic": WeakSource(_synthetic, generative=True, joint=True),
    "frozen": WeakSource(_synthetic, Noise, generative=True),
    "combined": WeakSource(_combined),
    "oracle": WeakSource(_annotated, Noise, generative=True, trains=MULTI_TASK_NETWORK),
    "real": WeakSource(lambda wanted: WEAK),
    "none": WeakSource(lambda wanted: ABSENT),
}


@dataclasses.dataclass(frozen=True)
class Method:
    """What the rows of Algorithm 1 are made of.

    Attributes:
      multi_task: the loss of the tasks.
      scene: the loss of R on labelled images.
      weak_scene: the same on weak ones.
      self_supervised: what E learns from images alone.
      discriminate, generate: the losses of the two players.
      weak_images: the images beside the labelled ones.
      weak, refinement, self_supervision: rows of the tables above.
      generator_updates: how often the pair of players moves (appendix B: 2).
      Interpretation:
        each time both do.
      gradients: how those of the tasks become one.
      averages: networks that follow G.
      policy: AdaShare's, if it is learned.
      frozen: networks that are not trained.
    """

    multi_task: MultiTask
    scene: Scene
    weak_scene: Objective
    self_supervised: Objective
    discriminate: Discriminate
    generate: Generate
    weak_images: Images
    weak: WeakSource
    refinement: Auxiliary
    self_supervision: Auxiliary
    generator_updates: int = 2
    gradients: Gradients = summed
    averages: tuple[Average, ...] = ()
    policy: LearnPolicy | None = None
    frozen: tuple[str, ...] = ()


def adversarial(method: Method, generator_trains: tuple[str, ...]):
    """The two players; the generator's row comes second, as in the authors' order."""
    return (
        Update("discriminate", REAL, method.discriminate, ("discriminator",)),
        Update(
            "generate",
            REAL,
            method.generate,
            generator_trains,
            averages=method.averages,
        ),
    )


def algorithm_1(method: Method) -> tuple[Update, ...]:
    """The updates of one iteration, in the paper's order."""
    scene, self_supervised = method.scene, method.self_supervised
    refinement, self_supervision = method.refinement, method.self_supervision
    weak = method.weak_images
    players = adversarial(method, ("generator", *method.generate.latent.networks))
    rows = (
        _multi_task(method),
        Update("refine", REAL, scene, refinement.on_real),
        Update("self_supervise", REAL, self_supervised, self_supervision.on_real),
        *players * method.generator_updates * method.weak.joint,
        Update("multi_task_weak", weak, method.multi_task, method.weak.trains),
        Update("refine_weak", weak, method.weak_scene, refinement.on_weak),
        Update("self_supervise_weak", weak, self_supervised, self_supervision.on_weak),
    )
    return _possible(rows, method.frozen)


def _multi_task(method: Method) -> Update:
    return Update(
        "multi_task",
        REAL,
        method.multi_task,
        (*MULTI_TASK_NETWORK, *method.multi_task.weighting.trains),
        method.gradients,
    )


def _possible(rows, frozen: tuple[str, ...]) -> tuple[Update, ...]:
    """The rows that have images and something to train."""
    thawed = (
        dataclasses.replace(
            row, trains=tuple(name for name in row.trains if name not in frozen)
        )
        for row in rows
    )
    return tuple(row for row in thawed if row.trains and row.images is not ABSENT)


@dataclasses.dataclass(frozen=True)
class Stage:
    """A part of the training.

    Attributes:
      name: one of `STAGE_NAMES`.
      updates: of a step.
      batch_size: examples in a step.
      steps: how many there are.
      begin: the step of the run at which it begins.
      beside: name -> number of the further examples in a step.
      restarts: whether M begins it with its first weights again.
    """

    name: str
    updates: tuple[Update, ...]
    batch_size: int
    steps: int
    begin: int = 0
    extra: Mapping[str, int] = dataclasses.field(default_factory=dict, hash=False)
    restarts: bool = False

    @property
    def end(self) -> int:
        """The step of the run at which it ends."""
        return self.begin + self.steps

    @property
    def reads(self) -> tuple[str, ...]:
        """The names of the further examples that a step needs."""
        names = (row.images.extra for row in self.updates)
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def reads_scenes(self) -> bool:
        """Whether a step needs scene labels."""
        return any(
            row.loss.reads_scenes or row.images.reads_scenes for row in self.updates
        )


def stage_updates(method: Method) -> dict[str, tuple[Update, ...]]:
    """The updates of the stages, by name.

    Those of appendix B: 1 trains M alone; 2 G and the embedding with M frozen; 3 all.
    AdaShare learns its policies before the last, with M as it is after stage 1.
    """
    first = _possible((_multi_task(method),), method.frozen)
    latent = (n for n in method.generate.latent.networks if n not in MULTI_TASK_NETWORK)
    players = adversarial(method, ("generator", *latent))
    stages = (
        first,
        _possible(players * method.weak.generative, method.frozen),
        _policy(method),
        algorithm_1(method),
    )
    return dict(zip(STAGE_NAMES, stages, strict=True))


def _policy(method: Method) -> tuple[Update, ...]:
    learned = method.policy
    if learned is None:
        return ()
    return (
        Update("multi_task", REAL, learned.weights, MULTI_TASK_NETWORK),
        Update("learn_policy", HELD_OUT, learned, ("policy",)),
    )


# Interpretation: batch statistics are taken in every pass of training. The moving
# averages, which are used at test time only, advance in one update of each network, on
# images like those met at test time.
STATISTICS_OWNERS = {
    "multi_task": MULTI_TASK_NETWORK,
    "refine": ("refiner",),
    "self_supervise": ("projector", "reconstructor"),
    "discriminate": ("discriminator",),
    "generate": ("generator", "embedding"),
}


@dataclasses.dataclass(frozen=True)
class MovingStatistics:
    """When moving averages advance: in an update's pass, and in that for its images."""

    in_update: Callable[[Update], tuple[str, ...]]
    in_drawing: Callable[[Update], tuple[str, ...]] = lambda row: ()


def _home(row: Update) -> tuple[str, ...]:
    return tuple(
        n for n in STATISTICS_OWNERS.get(row.name, ()) if n in row.loss.networks
    )


MOVING_STATISTICS = {
    "home": MovingStatistics(_home),
    "trained": MovingStatistics(lambda row: row.trains),
    "everywhere": MovingStatistics(
        lambda row: row.loss.networks, lambda row: row.images.networks
    ),
}


def with_moving_statistics(
    updates: tuple[Update, ...], rule: str, frozen: tuple[str, ...] = ()
) -> tuple[Update, ...]:
    """The updates with what advances filled in by a rule of `MOVING_STATISTICS`.

    Args:
      updates: of a stage.
      rule: a key of the table.
      frozen: networks whose averages never advance.
    """
    chosen = MOVING_STATISTICS[rule]

    def but_frozen(names):
        return tuple(name for name in dict.fromkeys(names) if name not in frozen)

    return tuple(
        dataclasses.replace(
            row,
            advances=but_frozen(chosen.in_update(row)),
            drawing_advances=but_frozen(chosen.in_drawing(row)),
        )
        for row in updates
    )


def networks_of(updates: tuple[Update, ...]) -> tuple[str, ...]:
    """All networks that updates need, each once; M first."""
    names = (name for row in updates for name in row.networks)
    return tuple(dict.fromkeys((*MULTI_TASK_NETWORK, *names)))
