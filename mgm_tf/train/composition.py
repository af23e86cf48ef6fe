"""From settings to the method: its losses, its images, its rows of Algorithm 1."""

from collections.abc import Callable

from mgm_tf import networks
from mgm_tf.config.settings import Config, MethodConfig
from mgm_tf.method import algorithm
from mgm_tf.method.adashare import LearnPolicy, SampledPolicy, UnderPolicy
from mgm_tf.method.adversarial import Discriminate, Generate
from mgm_tf.method.algorithm import Average, Method, Synthesis
from mgm_tf.method.em import LatentPredictions
from mgm_tf.method.gradients import SURGERY
from mgm_tf.method.objectives import (
    WEIGHTINGS,
    Contrastive,
    MultiTask,
    Objective,
    Reconstruct,
    Scene,
)
from mgm_tf.networks.sharing import SHARING
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

GENERATOR, FOLLOWER = "generator", "average_generator"

# --self_supervision: the loss. Without any, no row names it.
SELF_SUPERVISED: dict[str, Callable[[MethodConfig], Objective]] = {
    "simclr": lambda method: Contrastive(method.temperature),
    "reconstruction": lambda method: Reconstruct(),
    "none": lambda method: Contrastive(method.temperature),
}

# --em: how E learns from the scene of weak images.
EM: dict[str, Callable[[MethodConfig, tuple[Task, ...], SceneClasses], Objective]] = {
    "gradient": lambda method, tasks, labels: Scene(labels),
    "latent": lambda method, tasks, labels: LatentPredictions(
        tasks, labels, method.em_steps, method.em_rate
    ),
}


def method_of(
    settings: Config,
    tasks: tuple[Task, ...],
    labels: SceneClasses,
    others: tuple[str, ...] = (),
) -> Method:
    """The method that the settings describe.

    Args:
      settings: of the run.
      tasks: that are learned.
      labels: of the images.
      others: names of the networks of other runs that synthesize.

    Raises:
      ValueError: --task_groups do not fit the tasks.
    """
    wanted = settings.method
    multi_task = _multi_task(settings, tasks)
    weak = algorithm.WEAK_SOURCES[wanted.weak]
    latent = weak.latent(networks.Z_DIM)
    averages = _averages(wanted)
    synthesis = Synthesis(
        latent=latent,
        generator=averages[0].into if averages else GENERATOR,
        size=networks.Z_DIM,
        others=others,
        tasks=tasks,
        ratio=wanted.synthesis_ratio,
    )
    seen = (wanted.instance_noise, wanted.discriminator_augmentation)
    return Method(
        multi_task=multi_task,
        scene=Scene(labels),
        weak_scene=EM[wanted.em](wanted, tasks, labels),
        self_supervised=SELF_SUPERVISED[wanted.self_supervision](wanted),
        discriminate=Discriminate(latent, *seen),
        generate=Generate(latent, *seen),
        weak_images=weak.images(synthesis),
        weak=weak,
        refinement=algorithm.REFINEMENT[wanted.refinement],
        self_supervision=algorithm.SELF_SUPERVISION[wanted.self_supervision],
        generator_updates=wanted.generator_updates,
        gradients=SURGERY[wanted.gradient_surgery],
        averages=averages,
        policy=_policy(settings, multi_task),
        frozen=settings.source.freeze,
    )


def _multi_task(settings: Config, tasks: tuple[Task, ...]) -> MultiTask:
    network = settings.network
    by_name = {task.name: task for task in tasks}
    named = SHARING[network.sharing].outputs(tuple(by_name), network.task_groups)
    outputs = tuple((key, by_name[name]) for key, name in named)
    return MultiTask(outputs, WEIGHTINGS[settings.method.task_weighting])


def _averages(method: MethodConfig) -> tuple[Average, ...]:
    decay = method.generator_average
    return (Average(GENERATOR, FOLLOWER, decay),) if decay else ()


def _policy(settings: Config, multi_task: MultiTask) -> LearnPolicy | None:
    if not SHARING[settings.network.sharing].learns_policy:
        return None
    method = settings.method
    sampled = SampledPolicy(
        method.policy_temperature,
        method.policy_temperature_decay,
        method.policy_curriculum,
    )
    weights = UnderPolicy(multi_task, sampled)
    return LearnPolicy(weights, method.policy_sparsity, method.policy_sharing)
