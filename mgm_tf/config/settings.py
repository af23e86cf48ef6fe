"""Everything that can be set, once: the groups of settings of a run.

The dataclasses generate the flags (`options`); `checks.from_flags` is the mirror image.
Other modules take plain arguments; only `train/` and what stands above it read a
`Config`.
"""

# No `from __future__ import annotations` here: it would turn field types into strings.
import dataclasses
from typing import Any, Literal

from absl import flags

from mgm_tf.config import options
from mgm_tf.config.options import option
from mgm_tf.config.variants import MethodConfig, NetworkConfig

ALL_TASKS = ("all",)


@dataclasses.dataclass(frozen=True)
class DataConfig:
    """The examples, and which of their labels are used."""

    dataset: Literal[
        "rooms", "nyuv2", "tiny_taskonomy", "cityscapes_zurich", "folder"
    ] = option("rooms", "The data set, a folder of `datasets/` with a README.")
    protocol: str = option(
        "",
        "The way the data set is divided into training, validation and test examples; "
        "its README lists the names. Empty: the usual one.",
    )
    image_size: int = option(
        128, "The height and width of images and label maps in pixels: 64, 128 or 256."
    )
    tasks: tuple[str, ...] = option(
        ("segmentation", "depth", "normals"),
        "The tasks to learn, separated by commas; `all` stands for every task that the "
        "data set has labels of.",
    )
    target_coding: str = option(
        "",
        "The coding of label maps into what the networks are taught, one of those in "
        "the data set's README. Empty: the usual one.",
    )
    labelled_percent: float = option(
        100.0, "The percentage of the training examples whose label maps are used."
    )
    weak_percent: float = option(
        0.0,
        "The percentage of the training examples that --weak=real uses with their "
        "scene label only, besides the labelled ones. 0: the data set's own images "
        "without label maps, or else as many examples as are labelled.",
    )
    split_seed: int = option(
        0,
        "The seed that decides which training examples are labelled where "
        "--labelled_percent is below 100.",
    )
    scene_labels: Literal["given", "objects", "cluster"] = option(
        "given",
        "The source of the scene labels of images. given: the data set's own; objects: "
        "the classes of the segmentation that occur in the image, several labels an "
        "image; cluster: pseudo classes, found by k-means on the encoder's features "
        "after stage 1.",
    )
    scene_clusters: int = option(
        8, "The number of pseudo classes that --scene_labels=cluster makes."
    )
    augmentation: Literal["none", "flip", "flip_crop"] = option(
        "none",
        "The geometric augmentation of labelled images together with their label maps; "
        "the paper uses none.",
    )
    data_dir: str = option(
        "data",
        "The folder in which built data sets are kept and looked for.",
        may_change=True,
    )
    manual_dir: str = option(
        "",
        "The folder of the downloaded files from which the data set is built; its "
        "README says which. Empty: none are needed, or the data set is built already.",
        may_change=True,
    )
    check_data: Literal["refuse", "warn"] = option(
        "refuse",
        "What happens if the short audit of the data before a training finds errors: "
        "the training is refused, or they are printed as warnings.",
        may_change=True,
    )
    max_damaged: float = option(
        0.001,
        "The largest fraction of damaged frames, 0 to 1, that is left out when a data "
        "set is built; with more of them the build fails.",
        may_change=True,
    )
    cache: Literal["auto", "memory", "disk"] = option(
        "auto",
        "Where examples are read from in training. memory: decoded once and kept; "
        "disk: decoded each time; auto: from memory if they take less than half of "
        "what is free.",
        may_change=True,
    )


@dataclasses.dataclass(frozen=True)
class SourceConfig:
    """Other runs that this one takes weights from, and what it leaves as it is."""

    start_from: tuple[str, ...] = option(
        (),
        "The folder of a run from which the encoder and the decoders get their first "
        "weights; with --sharing=cross_stitch one folder for each task. Empty: the "
        "first weights are random.",
        folder=True,
    )
    pretrained: str = option(
        "",
        "The file of published ResNet-18 or ResNet-34 weights from which the encoder "
        "gets its first ones: safetensors or a PyTorch state dict, by torchvision's "
        "names; needs --encoder_widths=standard. Empty: the first weights are random.",
        before="",
    )
    freeze: tuple[str, ...] = option(
        (),
        "The networks of --start_from, or the encoder of --pretrained, that are not "
        "trained: encoder, decoders or both (Table 11).",
    )
    generators_from: tuple[str, ...] = option(
        (),
        "The folders of the runs whose generators synthesize the images of "
        "--weak=combined.",
        folder=True,
    )
    oracle: str = option(
        "",
        "The folder of the run whose networks label the synthesized images of "
        "--weak=oracle.",
        folder=True,
    )


Schedule = Literal["constant", "cosine", "step"]


def _schedule(stage: str) -> Any:
    """Returns the option of the course of a stage's learning rates."""
    return option(
        "constant",
        f"The course of the learning rates over {stage}. constant: they stay; cosine: "
        "they fall to 0 along half a cosine; step: they fall to a tenth after half of "
        "the steps and to a hundredth after three quarters.",
        before="constant",
    )


def _warmup(stage: str) -> Any:
    """Returns the option of the length of a stage's warm-up."""
    return option(
        0.0,
        f"The fraction of the steps of {stage} in which the learning rates rise from "
        "0.",
        before=0.0,
    )


@dataclasses.dataclass(frozen=True)
class ScheduleConfig:
    """The three stages of appendix B, AdaShare's policies, and their optimizers."""

    multi_task_length: str = option(
        "100epochs",
        "The length of stage 1, in which encoder and decoders are trained, such as "
        "100epochs or 500steps.",
    )
    generative_length: str = option(
        "500epochs",
        "The length of stage 2, in which generator, discriminator and embedding are "
        "trained, such as 500epochs or 500steps.",
    )
    policy_length: str = option(
        "100epochs",
        "The length of the stage before stage 3 in which AdaShare's policies are "
        "learned, such as 100epochs or 500steps.",
    )
    joint_length: str = option(
        "300epochs",
        "The length of stage 3, in which all networks are trained together, such as "
        "300epochs or 500steps.",
    )
    multi_task_batch_size: int = option(
        32, "The number of labelled images in a step of stage 1."
    )
    generative_batch_size: int = option(
        128, "The number of labelled images in a step of stage 2."
    )
    policy_batch_size: int = option(
        32, "The number of labelled images in a step of AdaShare's policy stage."
    )
    joint_batch_size: int = option(
        32, "The number of labelled images in a step of stage 3."
    )
    accumulation_steps: int = option(
        1,
        "The number of parts in which the batch of a step is processed, one after the "
        "other; their gradients are averaged before each update, which saves memory. "
        "Batch normalization and the contrastive loss see the examples of a part. 1: "
        "the batch is processed at once.",
        before=1,
    )
    learning_rate: float = option(
        1e-3,
        "The learning rate of the encoder, the decoders, the refinement network and "
        "the network of the self-supervised loss.",
    )
    joint_learning_rate: float = option(
        0.0,
        "The learning rate of the encoder and the decoders in stage 3, where they are "
        "trained already. 0: that of --learning_rate.",
        before=0.0,
    )
    generator_learning_rate: float = option(
        1e-4, "The learning rate of the generator of images."
    )
    embedding_learning_rate: float = option(
        1e-3,
        "The learning rate of the embedding of the encoder's features that the "
        "generator reads.",
    )
    discriminator_learning_rate: float = option(
        4e-4, "The learning rate of the discriminator of images."
    )
    policy_learning_rate: float = option(
        1e-2, "The learning rate of AdaShare's policies."
    )
    stitch_learning_rate: float = option(
        1e-3, "The learning rate of the cross-stitch units of --sharing=cross_stitch."
    )
    multi_task_schedule: Schedule = _schedule("stage 1")
    multi_task_warmup: float = _warmup("stage 1")
    generative_schedule: Schedule = _schedule("stage 2")
    generative_warmup: float = _warmup("stage 2")
    policy_schedule: Schedule = _schedule("AdaShare's policy stage")
    policy_warmup: float = _warmup("AdaShare's policy stage")
    joint_schedule: Schedule = _schedule("stage 3")
    joint_warmup: float = _warmup("stage 3")
    gan_beta_1: float = option(
        0.0,
        "The decay of Adam's average of gradients, beta 1, for generator, "
        "discriminator and embedding.",
    )
    weight_decay: float = option(
        1e-4,
        "The factor of the L2 penalty on the weights of the encoder, the decoders, the "
        "refinement network and the network of the self-supervised loss.",
    )
    optimizers: Literal["per_network", "per_update"] = option(
        "per_network",
        "The number of Adam optimizers: one for each network, or one for each network "
        "of each update of Algorithm 1.",
    )


@dataclasses.dataclass(frozen=True)
class RunConfig:
    """How the run goes and what it shows."""

    seed: int = option(
        0, "The seed of the first weights, the order of examples and all noise."
    )
    precision: Literal["float32", "bfloat16", "float16"] = option(
        "float32",
        "What the networks compute in. bfloat16, float16: half the bits for "
        "convolutions and what lies between them, on machines that have such "
        "instructions; float32 for weights, batch statistics, losses and metrics "
        "still. float16, on one device, scales losses so that gradients do not vanish.",
        before="float32",
    )
    replicas: int = option(
        0,
        "The number of devices over which each batch is divided; without a GPU, of "
        "logical CPUs. 0: all GPUs, or the one CPU.",
    )
    log_every: int = option(
        50,
        "The number of steps from one logging of losses and speed to the next.",
        may_change=True,
    )
    evaluate_every: int = option(
        500,
        "The number of steps from one evaluation on the validation examples to the "
        "next.",
        may_change=True,
    )
    picture_every: int = option(
        500,
        "The number of steps from one logging of predictions and generated images to "
        "the next. 0: none are logged.",
        may_change=True,
    )
    checkpoint_every: int = option(
        500, "The number of steps from one checkpoint to the next.", may_change=True
    )
    overhead_budget: float = option(
        0.1,
        "The share of a stage's time, above 0 and up to 1, that evaluations, pictures "
        "and checkpoints may take. What they take is logged; if it is more, it is said "
        "which flag helps, and pictures within the stage are left out.",
        may_change=True,
        before=0.1,
    )
    profile: str = option(
        "",
        "The steps of the run whose profile is written for TensorBoard, the first and "
        "the last, such as 100:110. Empty: none.",
        may_change=True,
        before="",
    )
    keep_last: int = option(
        2,
        "The number of the last states of training that are kept to go on from; the "
        "ones before the last are taken if it is damaged.",
        may_change=True,
        before=2,
    )
    keep_every: int = option(
        0,
        "The number of steps from one state of training that is kept for good to the "
        "next. 0: none is.",
        may_change=True,
        before=0,
    )
    max_recoveries: int = option(
        3,
        "How often a run whose losses, gradients or weights are no longer finite, or "
        "far too large, goes back to its last state, and on from there with other "
        "random numbers and half the learning rates. 0: it stops at once.",
        may_change=True,
        before=0,
    )
    deterministic: bool = option(
        False,
        "Whether every operation gives the same bits in every run, on GPUs too, where "
        "that makes steps slower.",
        may_change=True,
        before=False,
    )
    evaluation_batch_size: int = option(
        32,
        "The number of images that an evaluation predicts at a time.",
        may_change=True,
    )
    steps_per_execution: int = option(
        1,
        "The number of training steps in one call of TensorFlow's graph.",
        may_change=True,
    )
    remat: bool = option(
        False,
        "Whether the backward pass computes again what blocks of the networks have "
        "computed, instead of keeping it: less memory, longer steps.",
        may_change=True,
        before=False,
    )
    jit_compile: bool = option(
        False,
        "Whether XLA compiles the passes of each network in a training step; for GPUs. "
        "On CPUs steps get slower.",
        may_change=True,
    )
    run_eagerly: bool = option(
        False,
        "Whether steps are taken without a graph: quicker to begin, slower to run.",
        may_change=True,
    )


@dataclasses.dataclass(frozen=True)
class Config:
    """All settings of a run."""

    data: DataConfig = DataConfig()
    network: NetworkConfig = NetworkConfig()
    method: MethodConfig = MethodConfig()
    source: SourceConfig = SourceConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    run: RunConfig = RunConfig()


def define_flags(values: flags.FlagValues = flags.FLAGS, group: type = Config) -> None:
    """Defines one flag for each setting of `group`."""
    options.define_flags(group, values)
