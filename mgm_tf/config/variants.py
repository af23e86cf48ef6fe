"""The settings that the paper varies: architectures, and the rows of Algorithm 1."""

# No `from __future__ import annotations` here: it would turn field types into strings.
import dataclasses
from typing import Literal

from mgm_tf.config.options import option


@dataclasses.dataclass(frozen=True)
class NetworkConfig:
    """The architectures of the networks."""

    encoder: Literal["resnet10", "resnet18", "resnet34"] = option(
        "resnet18", "The architecture of the encoder, by its number of layers."
    )
    encoder_widths: Literal["narrow", "standard"] = option(
        "narrow",
        "The channels of the encoder's four groups of blocks. narrow: 48, 96, 192 and "
        "360 as in the paper; standard: 64, 128, 256 and 512.",
    )
    encoder_form: Literal["auto", "paper", "imagenet"] = option(
        "auto",
        "What the encoder's weights take for granted. paper: images from -1 to 1, and "
        "with --output_stride=16 a last group of blocks that does not halve the size; "
        "imagenet: as published weights have it, images normalised by ImageNet's mean "
        "and deviation, and with --output_stride=16 the last stride moved by dilation "
        "of the convolutions behind it; auto: imagenet with --pretrained, else paper.",
        before="auto",
    )
    output_stride: int = option(
        16,
        "The number of pixels between neighbours in the encoder's features: 16 or 32.",
    )
    decoder: Literal["taskgrouping", "taskonomy"] = option(
        "taskgrouping",
        "The architecture of each task's decoder, named after the code it is from.",
    )
    sharing: Literal["hard", "cross_stitch", "adashare", "task_grouping"] = option(
        "hard",
        "The way in which tasks share an encoder. hard: one encoder for all; the "
        "others: the multi-task baselines of Table 6.",
    )
    task_groups: tuple[str, ...] = option(
        ("segmentation+normals", "depth+normals"),
        "The tasks of each network of --sharing=task_grouping, joined by `+`. A task "
        "in several groups is predicted by the last of them.",
    )
    gan: Literal["sagan", "dcgan"] = option(
        "sagan", "The architecture of the generator and of the discriminator."
    )
    width: float = option(
        1.0,
        "The factor on the number of channels of every network; below 1 for trials.",
    )
    gan_width: float = option(
        0.0,
        "The factor on the number of channels of the generator and the discriminator. "
        "0: that of --width.",
        before=0.0,
    )


@dataclasses.dataclass(frozen=True)
class MethodConfig:
    """The rows of Algorithm 1: their images, losses and gradients."""

    weak: Literal["synthetic", "frozen", "combined", "oracle", "real", "none"] = option(
        "synthetic",
        "The source of the weakly labelled images that are added to the labelled ones. "
        "synthetic: a generator that learns together with the encoder (MGM); frozen: "
        "one that is trained before, from noise alone (MGM/j); combined: the "
        "generators of other runs (MGM-Combine); oracle: a generator whose images "
        "another run labels (ST_G); real: real images with a scene label only "
        "(MGM_r); none: no such images (MGM/G).",
    )
    synthesis_ratio: float = option(
        1.0, "The number of synthesized images for each labelled image of a step."
    )
    synthesis_labels: Literal["minibatch", "training", "marginals"] = option(
        "minibatch",
        "The scene labels for which images are synthesized. minibatch: those of the "
        "labelled images of the step; training: those of random training images; "
        "marginals: drawn by the frequency of each class in training.",
    )
    refinement: Literal["eml", "peoe", "lset", "none"] = option(
        "eml",
        "The way in which the refinement network, which predicts the scene from the "
        "label maps, is trained with the others (Table 9).",
    )
    em: Literal["gradient", "latent"] = option(
        "gradient",
        "The way in which the encoder learns from the scene of weak images. gradient: "
        "by the gradient step of Algorithm 1; latent: by fitting label maps that "
        "maximise eq. (4), as in eq. (5).",
    )
    em_steps: int = option(
        5, "The number of gradient steps by which --em=latent finds its label maps."
    )
    em_rate: float = option(
        0.1,
        "The step size of --em=latent: a pixel of a predicted map moves by this times "
        "its gradient.",
    )
    self_supervision: Literal["simclr", "reconstruction", "none"] = option(
        "simclr", "The loss by which the encoder learns from images alone (Table 4)."
    )
    gan_images: Literal["labelled", "weak"] = option(
        "labelled",
        "The real images that generator and discriminator learn of. labelled: those of "
        "the step; weak: besides, real images with a scene label only, those of "
        "--weak=real.",
        before="labelled",
    )
    generator_updates: int = option(
        2,
        "The number of times that discriminator and generator are updated in a step "
        "of stage 3.",
    )
    generator_average: float = option(
        0.0,
        "The decay, below 1, of a running average of the generator's weights that "
        "synthesizes images in the generator's place. 0: the generator itself does.",
    )
    discriminator_augmentation: Literal["none", "diffaugment"] = option(
        "none",
        "The augmentation of all images, real and synthesized, that the discriminator "
        "sees; diffaugment is that of Zhao et al. (2020).",
    )
    task_weighting: Literal["equal", "uncertainty", "dwa"] = option(
        "equal",
        "The weights of the tasks' losses in their sum. equal: all 1; uncertainty: "
        "learned (Kendall et al., 2018); dwa: dynamic weight average (Liu et al., "
        "2019).",
    )
    gradient_surgery: Literal["none", "pcgrad"] = option(
        "none",
        "What is done where the gradients of two tasks with respect to the encoder "
        "conflict. none: they are added; pcgrad: they are projected (Yu et al., 2020).",
    )
    policy_temperature: float = option(
        5.0,
        "The temperature of AdaShare's Gumbel-softmax at the beginning of the stage in "
        "which its policies are learned.",
    )
    policy_temperature_decay: float = option(
        0.965,
        "The factor on AdaShare's temperature after each epoch of the stage in which "
        "its policies are learned.",
    )
    policy_sparsity: float = option(
        0.001,
        "The weight of AdaShare's sparsity loss, which rewards skipping blocks.",
    )
    policy_sharing: float = option(
        0.05,
        "The weight of AdaShare's sharing loss, which rewards tasks that use the same "
        "blocks.",
    )
    policy_curriculum: float = option(
        0.15,
        "The fraction of AdaShare's policy stage after which the policy decides on all "
        "blocks of the encoder; before, it decides on the last ones only.",
    )
    policy_draw: int = option(
        0,
        "The AdaShare policy with which the networks are trained anew in stage 3. 0: "
        "the most probable one; n: the n-th random sample.",
    )
    temperature: float = option(
        0.5, "The temperature of SimCLR's contrastive loss NT-Xent, eq. (6)."
    )
    passes: Literal["sequential", "shared"] = option(
        "shared",
        "The passes of the networks in a step. sequential: every update of Algorithm 1 "
        "makes its own, with the weights that the updates before it left; shared: what "
        "several updates compute of the same images is computed once.",
        before="sequential",
    )
    instance_noise: float = option(
        0.01,
        "The standard deviation of the noise on the images, which go from -1 to 1, "
        "that the discriminator sees.",
    )
    moving_statistics: Literal["home", "trained", "everywhere"] = option(
        "home",
        "The passes in which a network's moving averages of batch statistics advance. "
        "home: those of the one update that owns them; trained: those of every update "
        "that trains the network; everywhere: all passes.",
    )
    test_statistics: Literal["estimated", "moving"] = option(
        "estimated",
        "The statistics by which batch normalization works at test time: validation, "
        "evaluation, export. estimated: computed anew of labelled training images with "
        "the weights as they are then; moving: the moving averages of training.",
        before="moving",
    )
    statistics_images: int = option(
        1024,
        "The number of training images, or all if there are fewer, from which "
        "--test_statistics=estimated computes the statistics.",
        before=1024,
    )
    refinement_factor: float = option(
        1.0,
        "The factor on what the updates of the refinement loss change in encoder and "
        "decoders.",
        before=1.0,
    )
    self_supervision_factor: float = option(
        1.0,
        "The factor on what the updates of the self-supervised loss change in the "
        "encoder.",
        before=1.0,
    )
    guidance_factor: float = option(
        1.0,
        "The factor on what the update of the generator changes in the encoder, whose "
        "features the generator reads.",
        before=1.0,
    )
    weak_factor: float = option(
        1.0,
        "The factor on what the updates on weak images, synthesized or real, change in "
        "encoder and decoders; it multiplies --refinement_factor and "
        "--self_supervision_factor.",
        before=1.0,
    )
    synthesis_factor: float = option(
        1.0,
        "A factor besides --weak_factor where weak images are synthesized: what a "
        "young generator says weighs less than what real images say.",
        before=1.0,
    )
