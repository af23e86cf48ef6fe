"""Algorithm 1 as a table of updates. A variant of the method is another table.

Every line of the algorithm has one form: on these images, take this loss, change these
networks. `algorithm_1` is the whole of it, in the paper's order; `stages.py` has the
stages in which it is trained. A `Method` is what the rows are made of: the losses, the
images, and which rows there are.
"""

import dataclasses
from collections.abc import Callable, Iterable

from mgm_tf.config.weak_sources import WeakSource
from mgm_tf.method.adashare import LearnPolicy
from mgm_tf.method.adversarial import Discriminate, Generate, Guided, Latent, Noise
from mgm_tf.method.gradients import Gradients, summed
from mgm_tf.method.images import (
    NO_IMAGES,
    REAL_IMAGES,
    WEAK_IMAGES,
    Annotated,
    Combined,
    Images,
    Synthetic,
)
from mgm_tf.method.objectives import MultiTask, Objective, Scene
from mgm_tf.tasks.dense import Task

MULTI_TASK_NETWORK = ("encoder", "decoders")  # M


@dataclasses.dataclass(frozen=True)
class Average:
    """A network that follows another: the running average of its weights.

    Attributes:
      of: the name of the network that is trained.
      into: the name of the network that follows.
      decay: the share of the average that stays in a step.
    """

    of: str
    into: str
    decay: float


@dataclasses.dataclass(frozen=True)
class Update:
    """One line of Algorithm 1: on `images`, minimise `loss`, changing only `trains`.

    Attributes:
      name: the name of the line; its losses are logged under it.
      images: where the images come from.
      loss: what is minimised.
      trains: the networks whose weights change.
      gradients: how the gradients of the loss's terms become one.
      averages: the networks that follow one that is trained.
      factor: the factor on what changes in M; other networks change as they would.
      advances: the networks whose moving averages of batch normalization advance.
      drawing_advances: the same in the pass that makes the images.
    """

    name: str
    images: Images
    loss: Objective
    trains: tuple[str, ...]
    gradients: Gradients = summed
    averages: tuple[Average, ...] = ()
    factor: float = 1.0
    advances: tuple[str, ...] = ()
    drawing_advances: tuple[str, ...] = ()

    @property
    def networks(self) -> tuple[str, ...]:
        """All networks that the update needs."""
        followers = (average.into for average in self.averages)
        return (*self.images.networks, *self.loss.networks, *self.trains, *followers)

    def factor_on(self, network: str) -> float:
        """Returns the factor on what changes in a network that is trained."""
        return self.factor if network in MULTI_TASK_NETWORK else 1.0


@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """The networks that an auxiliary loss changes.

    Attributes:
      on_real: the networks changed on labelled real images.
      on_weak: the networks changed on weak images.
    """

    on_real: tuple[str, ...] = ()
    on_weak: tuple[str, ...] = ()


REFINEMENT = {  # Table 9
    # Section 3.2: R learns from real images only; on synthesized ones it is frozen.
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
      generator: the name of the network that synthesizes.
      size: the number of entries of z.
      others: the names of networks of other runs that synthesize.
      tasks: the tasks whose label maps an oracle gives.
      ratio: the number of synthesized images for each real one.
    """

    latent: Latent
    generator: str
    size: int
    others: tuple[str, ...]
    tasks: tuple[Task, ...]
    ratio: float


@dataclasses.dataclass(frozen=True)
class WeakRow:
    """The weak images of Algorithm 1, for one choice of a weak source.

    Attributes:
      images: makes them of a `Synthesis`.
      latent: makes z of the number of its entries.
      trains: the networks that label maps of the images change, if they have such.
    """

    images: Callable[[Synthesis], Images]
    latent: Callable[[int], Latent] = Guided
    trains: tuple[str, ...] = ()


def _synthetic_images(synthesis: Synthesis) -> Synthetic:
    return Synthetic(synthesis.latent, synthesis.generator, synthesis.ratio)


def _combined_images(synthesis: Synthesis) -> Combined:
    return Combined(synthesis.size, synthesis.others, synthesis.ratio)


def _annotated_images(synthesis: Synthesis) -> Annotated:
    return Annotated(_synthetic_images(synthesis), synthesis.tasks)


def _real_images(synthesis: Synthesis) -> Images:
    return WEAK_IMAGES


def _no_images(synthesis: Synthesis) -> Images:
    return NO_IMAGES


# Tables 1, 2, 3 and 15; `config.weak_sources` says of each what it is and whether a GAN
# learns for it.
WEAK_ROWS = {
    "synthetic": WeakRow(_synthetic_images),
    "frozen": WeakRow(_synthetic_images, Noise),
    "combined": WeakRow(_combined_images),
    "oracle": WeakRow(_annotated_images, Noise, trains=MULTI_TASK_NETWORK),
    "real": WeakRow(_real_images),
    "none": WeakRow(_no_images),
}


@dataclasses.dataclass(frozen=True)
class Factors:
    """The factors on what auxiliary updates change in M.

    Interpretation: 1 each in the paper, whose M does not settle. A factor below 1 keeps
    E near its decoders, and what a poor G says from outweighing labels.

    Attributes:
      refinement: that of L_CE of R.
      self_supervision: that of L_NT-Xent.
      guidance: that of L_GAN, which reaches E through z.
      weak: that of weak images, besides the one of the loss.
    """

    refinement: float = 1.0
    self_supervision: float = 1.0
    guidance: float = 1.0
    weak: float = 1.0


@dataclasses.dataclass(frozen=True)
class Method:
    """What the rows of Algorithm 1 are made of.

    Attributes:
      multi_task: L_multi, the loss of the tasks.
      scene: L_CE of R on labelled images.
      weak_scene: the same on weak images.
      self_supervised: what E learns from images alone, L_NT-Xent.
      discriminate: the loss of D.
      generate: the loss of G.
      weak: when a GAN learns.
      weak_images: the weak images.
      gan_images: the real images that a GAN learns of.
      weak_trains: the networks that label maps of weak images change.
      refinement: a row of `REFINEMENT`.
      self_supervision: a row of `SELF_SUPERVISION`.
      generator_updates: how often D and G are updated in a joint step (appendix B: 2).
        Interpretation: each time both are.
      gradients: how the gradients of the tasks become one.
      averages: the networks that follow G.
      policy: the loss of AdaShare's policy, if one is learned.
      frozen: the networks that are not trained.
      factors: the factors on what auxiliary updates change in M.
    """

    multi_task: MultiTask
    scene: Scene
    weak_scene: Objective
    self_supervised: Objective
    discriminate: Discriminate
    generate: Generate
    weak: WeakSource
    weak_images: Images
    refinement: Auxiliary
    self_supervision: Auxiliary
    weak_trains: tuple[str, ...] = ()
    gan_images: Images = REAL_IMAGES
    generator_updates: int = 2
    gradients: Gradients = summed
    averages: tuple[Average, ...] = ()
    policy: LearnPolicy | None = None
    frozen: tuple[str, ...] = ()
    factors: Factors = Factors()


def algorithm_1(method: Method) -> tuple[Update, ...]:
    """Returns the updates of one iteration, in the order of Algorithm 1.

    The steps are numbered as in appendix B, "Training Procedure".
    """
    weak = method.weak_images
    refinement, self_supervision = method.refinement, method.self_supervision
    factors = method.factors
    latent_networks = method.generate.latent.networks
    return possible_updates(
        (
            # Step 1. L_multi(y, M(x)) -> M.
            multi_task_update(method),
            # Step 2. L_CE(c, R(M(x))) -> R and E: eq. (3).
            Update(
                "refine",
                REAL_IMAGES,
                method.scene,
                refinement.on_real,
                factor=factors.refinement,
            ),
            # Step 3. L_NT-Xent of two views of each x -> E_self and E: eq. (6).
            Update(
                "self_supervise",
                REAL_IMAGES,
                method.self_supervised,
                self_supervision.on_real,
                factor=factors.self_supervision,
            ),
            # Step 4. L_GAN on (x, c) -> D; then G, the embedding and, through z, E.
            *adversarial_updates(method, ("generator", *latent_networks))
            * method.generator_updates
            * method.weak.joint,
            # Step 5. On (x~, c) = G(x, c): L_CE(c, R(M(x~))) -> E, with R frozen, the
            # EM of eqs. (4) and (5); L_NT-Xent -> E, eq. (6). Of ST_G, L_multi as well.
            Update(
                "multi_task_weak",
                weak,
                method.multi_task,
                method.weak_trains,
                factor=factors.weak,
            ),
            Update(
                "refine_weak",
                weak,
                method.weak_scene,
                refinement.on_weak,
                factor=factors.weak * factors.refinement,
            ),
            Update(
                "self_supervise_weak",
                weak,
                method.self_supervised,
                self_supervision.on_weak,
                factor=factors.weak * factors.self_supervision,
            ),
        ),
        method.frozen,
    )


def multi_task_update(method: Method) -> Update:
    """Returns the update of M by the losses of the tasks."""
    return Update(
        "multi_task",
        REAL_IMAGES,
        method.multi_task,
        (*MULTI_TASK_NETWORK, *method.multi_task.weighting.trains),
        method.gradients,
    )


def adversarial_updates(
    method: Method, generator_trains: tuple[str, ...]
) -> tuple[Update, Update]:
    """Returns the updates of D and of G; G's comes second, as in the authors' order.

    Args:
      method: the method.
      generator_trains: the networks that the loss of G changes.
    """
    images = method.gan_images
    return (
        Update("discriminate", images, method.discriminate, ("discriminator",)),
        Update(
            "generate",
            images,
            method.generate,
            generator_trains,
            averages=method.averages,
            factor=method.factors.guidance,
        ),
    )


def possible_updates(
    updates: Iterable[Update], frozen: tuple[str, ...]
) -> tuple[Update, ...]:
    """Returns the updates that have images and something to train.

    Args:
      updates: rows of an algorithm.
      frozen: the networks that are not trained.
    """
    thawed = (
        dataclasses.replace(
            update, trains=tuple(name for name in update.trains if name not in frozen)
        )
        for update in updates
    )
    return tuple(
        update for update in thawed if update.trains and update.images is not NO_IMAGES
    )


def networks_of(updates: Iterable[Update]) -> tuple[str, ...]:
    """Returns the names of all networks that updates need, each once; M first."""
    names = (name for update in updates for name in update.networks)
    return tuple(dict.fromkeys((*MULTI_TASK_NETWORK, *names)))
