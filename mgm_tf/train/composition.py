"""From settings to networks and to the method: its losses, images and rows."""

from collections.abc import Callable

import keras

from mgm_tf import networks
from mgm_tf.config.settings import Config, MethodConfig
from mgm_tf.config.weak_sources import WEAK_SOURCES
from mgm_tf.method import algorithm
from mgm_tf.method.adashare import LearnPolicy, SampledPolicy, UnderPolicy
from mgm_tf.method.adversarial import GENERATOR, Discriminate, Generate
from mgm_tf.method.algorithm import Average, Factors, Method, Synthesis
from mgm_tf.method.em import LatentPredictions
from mgm_tf.method.gradients import SURGERY
from mgm_tf.method.images import LABELLED_AND_WEAK_IMAGES, REAL_IMAGES, Images
from mgm_tf.method.objectives import (
    WEIGHTINGS,
    Contrastive,
    MultiTask,
    Objective,
    Reconstruct,
    Scene,
)
from mgm_tf.networks.layers.precision import computing_in
from mgm_tf.networks.sharing import SHARING
from mgm_tf.networks.task_weights import costs_of
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

FOLLOWER = "average_generator"


def _contrastive(method: MethodConfig) -> Objective:
    return Contrastive(method.temperature)


def _reconstruct(method: MethodConfig) -> Objective:
    return Reconstruct()


# --self_supervision: the loss. Without any, no update names it.
SELF_SUPERVISED: dict[str, Callable[[MethodConfig], Objective]] = {
    "simclr": _contrastive,
    "reconstruction": _reconstruct,
    "none": _contrastive,
}


def _scene(
    method: MethodConfig, tasks: tuple[Task, ...], scene_classes: SceneClasses
) -> Objective:
    return Scene(scene_classes)


def _latent_predictions(
    method: MethodConfig, tasks: tuple[Task, ...], scene_classes: SceneClasses
) -> Objective:
    return LatentPredictions(tasks, scene_classes, method.em_steps, method.em_rate)


# --encoder_form: the form of E without and with --pretrained.
ENCODER_FORMS = {
    "auto": ("paper", "imagenet"),
    "paper": ("paper", "paper"),
    "imagenet": ("imagenet", "imagenet"),
}


def encoder_form(settings: Config) -> str:
    """Returns what E's weights take for granted, a key of `encoders.FORMS`."""
    is_pretrained = bool(settings.source.pretrained)
    return ENCODER_FORMS[settings.network.encoder_form][is_pretrained]


# --gan_images: what a GAN learns of.
GAN_IMAGES: dict[str, Images] = {
    "labelled": REAL_IMAGES,
    "weak": LABELLED_AND_WEAK_IMAGES,
}
# --em: how E learns from the scene of weak images.
EM = {"gradient": _scene, "latent": _latent_predictions}


def method_of(
    settings: Config,
    tasks: tuple[Task, ...],
    scene_classes: SceneClasses,
    synthesizers: tuple[str, ...] = (),
    latent_size: int = networks.Z_DIM,
) -> Method:
    """Returns the method that the settings describe.

    Args:
      settings: the settings of the run.
      tasks: the tasks that are learned.
      scene_classes: the scene classes of the images.
      synthesizers: the names of the networks of other runs that synthesize.
      latent_size: the number of entries of z.

    Raises:
      ValueError: --task_groups do not fit the tasks.
    """
    method = settings.method
    multi_task = _multi_task(settings, tasks)
    row = algorithm.WEAK_ROWS[method.weak]
    latent = row.latent(latent_size)
    averages = _averages(method)
    synthesis = Synthesis(
        latent=latent,
        generator=averages[0].into if averages else GENERATOR,
        size=latent_size,
        others=synthesizers,
        tasks=tasks,
        ratio=method.synthesis_ratio,
    )
    source = WEAK_SOURCES[method.weak]
    seen_by_discriminator = (method.instance_noise, method.discriminator_augmentation)
    return Method(
        multi_task=multi_task,
        scene=Scene(scene_classes),
        weak_scene=EM[method.em](method, tasks, scene_classes),
        self_supervised=SELF_SUPERVISED[method.self_supervision](method),
        discriminate=Discriminate(latent, *seen_by_discriminator),
        generate=Generate(latent, *seen_by_discriminator),
        weak=source,
        weak_images=row.images(synthesis),
        weak_trains=row.trains,
        gan_images=GAN_IMAGES[method.gan_images],
        refinement=algorithm.REFINEMENT[method.refinement],
        self_supervision=algorithm.SELF_SUPERVISION[method.self_supervision],
        generator_updates=method.generator_updates,
        gradients=SURGERY[method.gradient_surgery],
        averages=averages,
        policy=_policy(settings, multi_task),
        frozen=settings.source.freeze,
        factors=Factors(
            refinement=method.refinement_factor,
            self_supervision=method.self_supervision_factor,
            guidance=method.guidance_factor,
            weak=method.weak_factor
            * (method.synthesis_factor if source.synthesized else 1.0),
        ),
    )


def networks_of(
    settings: Config,
    tasks: tuple[Task, ...],
    method: Method,
    *,
    names: tuple[str, ...],
    classes: int,
    image_size: int,
) -> dict[str, keras.Model]:
    """Returns new networks, built.

    Args:
      settings: the settings of the run.
      tasks: the tasks that are learned.
      method: the method that they learn by.
      names: the names of the networks that some update needs.
      classes: the number of scene classes.
      image_size: the height and width of images.
    """
    network, outputs = settings.network, method.multi_task.outputs
    with computing_in(settings.run.precision):
        return networks.build_networks(
            tasks={task.name: task.output_channels for task in tasks},
            # Without labels, R and G are in no update.
            classes=max(classes, 1),
            image_size=image_size,
            encoder=network.encoder,
            encoder_widths=network.encoder_widths,
            encoder_form=encoder_form(settings),
            output_stride=network.output_stride,
            decoder=network.decoder,
            gan=network.gan,
            width=network.width,
            gan_width=network.gan_width,
            names=names,
            sharing=network.sharing,
            groups=network.task_groups,
            task_weights=settings.method.task_weighting,
            # A task that is predicted twice is weighed twice.
            costs=costs_of([bool(task.info.class_names) for _, task in outputs]),
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
