"""The settings that are impossible or contradict each other, and why.

They are refused before anything is built. A rule is a pair: what is wrong, in a
sentence that names the flag, and whether it is.
"""

import dataclasses
from collections.abc import Callable, Iterator

from absl import flags

from mgm_tf.config import options
from mgm_tf.config.options import StageLength, StepRange
from mgm_tf.config.settings import (
    Config,
    DataConfig,
    RunConfig,
    ScheduleConfig,
    SourceConfig,
)
from mgm_tf.config.variants import MethodConfig, NetworkConfig
from mgm_tf.config.weak_sources import WEAK_SOURCES

Rules = Iterator[tuple[str, bool]]

# The networks whose first weights --start_from gives.
STARTED = ("encoder", "decoders")
# The factors on what auxiliary updates change in encoder and decoders.
FACTORS = (
    "refinement_factor",
    "self_supervision_factor",
    "guidance_factor",
    "weak_factor",
    "synthesis_factor",
)
# The learning rates that are another one if they are 0.
OPTIONAL_RATES = ("joint_learning_rate",)


def from_flags(values: flags.FlagValues = flags.FLAGS) -> Config:
    """Returns the settings of parsed flags, checked.

    Raises:
      ValueError: see `check`.
    """
    config = options.from_flags(Config, values)
    check(config)
    return config


def check(config: Config) -> None:
    """Refuses impossible and contradictory settings, all of them at once.

    Raises:
      ValueError: there are such settings; the message has a line for each.
    """
    wrong = [text for text, is_wrong in _rules(config) if is_wrong]
    if wrong:
        raise ValueError("These settings cannot be:\n  " + "\n  ".join(wrong))


def check_alone(run: RunConfig, devices: str) -> None:
    """Refuses what only one device can do, where several take part.

    Args:
      run: the settings of the run.
      devices: the devices that take part, in words.

    Raises:
      ValueError: there are such settings; the message has a line for each.
    """
    wrong = [f"{text} on {devices}; --replicas=1 takes one" for text in _alone(run)]
    if wrong:
        raise ValueError("\n".join(wrong))


def _rules(config: Config) -> Rules:
    label_sources = (config.data.scene_labels, config.method.synthesis_labels)
    yield (
        f"--weak_percent={config.data.weak_percent:g} is of --weak=real or "
        f"--gan_images=weak; --weak is {config.method.weak}",
        config.data.weak_percent > 0
        and config.method.weak != "real"
        and config.method.gan_images != "weak",
    )
    yield (
        "--scene_labels=cluster: the frequencies of clusters are not known beforehand; "
        "--synthesis_labels=training draws by them as well as marginals",
        label_sources == ("cluster", "marginals"),
    )
    yield from _data_rules(config.data)
    yield from _network_rules(config.network)
    yield from _method_rules(config.method)
    yield from _sharing_rules(config.network.sharing, config.method)
    yield from _source_rules(config.source, config.method)
    yield from _pretrained_rules(config.source, config.network)
    yield from _schedule_rules(config.schedule, config.run.replicas)
    yield from _run_rules(config.run)
    yield (
        "--precision=float16 scales losses, but not the one whose gradient --em=latent "
        "follows; --precision=bfloat16 needs no scale",
        (config.run.precision, config.method.em) == ("float16", "latent"),
    )


def _data_rules(data: DataConfig) -> Rules:
    yield "--tasks: name at least one task", not data.tasks
    yield (
        f"--tasks={','.join(data.tasks)}: `all` stands alone",
        "all" in data.tasks and len(data.tasks) > 1,
    )
    yield (
        f"--tasks={','.join(data.tasks)}: a task is named twice",
        len(set(data.tasks)) < len(data.tasks),
    )
    yield (
        f"--image_size={data.image_size}: 64, 128 or 256 is possible",
        data.image_size not in (64, 128, 256),
    )
    yield (
        f"--labelled_percent={data.labelled_percent:g}: above 0 and up to 100",
        not 0 < data.labelled_percent <= 100,
    )
    yield (
        f"--weak_percent={data.weak_percent:g}: from 0 to 100",
        not 0 <= data.weak_percent <= 100,
    )
    yield f"--split_seed={data.split_seed}: 0 or more", data.split_seed < 0
    yield f"--scene_clusters={data.scene_clusters}: 2 or more", data.scene_clusters < 2
    yield (
        f"--max_damaged={data.max_damaged:g}: from 0 to 1",
        not 0 <= data.max_damaged <= 1,
    )


def _network_rules(network: NetworkConfig) -> Rules:
    yield (
        f"--output_stride={network.output_stride}: 16 or 32 is possible",
        network.output_stride not in (16, 32),
    )
    yield (
        "--decoder=taskonomy has four stages and needs --output_stride=16",
        (network.decoder, network.output_stride) == ("taskonomy", 32),
    )
    yield (
        f"--width={network.width}: a factor above 0 and up to 4 is possible",
        not 0 < network.width <= 4,
    )
    yield (
        f"--gan_width={network.gan_width}: a factor from 0 to 4 is possible",
        not 0 <= network.gan_width <= 4,
    )


def _method_rules(method: MethodConfig) -> Rules:
    yield f"--temperature={method.temperature}: above 0", not method.temperature > 0
    yield (
        f"--instance_noise={method.instance_noise}: 0 or more",
        not method.instance_noise >= 0,
    )
    yield (
        f"--generator_updates={method.generator_updates}: at least 1",
        method.generator_updates < 1,
    )

    yield (
        f"--synthesis_ratio={method.synthesis_ratio:g}: above 0 and up to 16",
        not 0 < method.synthesis_ratio <= 16,
    )
    yield (
        f"--synthesis_ratio={method.synthesis_ratio:g} is of synthesized images; "
        f"--weak is {method.weak}",
        method.synthesis_ratio != 1 and not WEAK_SOURCES[method.weak].synthesized,
    )
    yield (
        f"--generator_average={method.generator_average:g}: from 0 to below 1",
        not 0 <= method.generator_average < 1,
    )
    for name in ("generator_average", "discriminator_augmentation", "gan_images"):
        value = getattr(method, name)
        yield (
            f"--{name}={value} is of a GAN that learns; --weak is {method.weak}",
            value not in (0, "none", "labelled")
            and not WEAK_SOURCES[method.weak].generative,
        )
    yield (
        "--em=latent is of the refinement network, but --refinement is none",
        (method.em, method.refinement) == ("latent", "none"),
    )
    yield f"--em_steps={method.em_steps}: at least 1", method.em_steps < 1
    yield f"--em_rate={method.em_rate:g}: above 0", not method.em_rate > 0
    yield (
        f"--statistics_images={method.statistics_images}: at least 1",
        method.statistics_images < 1,
    )
    for name in FACTORS:
        value = getattr(method, name)
        yield f"--{name}={value:g}: from 0 to 1", not 0 <= value <= 1
    yield from _policy_rules(method)


def _policy_rules(method: MethodConfig) -> Rules:
    for name in ("policy_sparsity", "policy_sharing", "policy_draw"):
        value = getattr(method, name)
        yield f"--{name}={value:g}: 0 or more", not value >= 0
    yield (
        f"--policy_temperature={method.policy_temperature:g}: above 0",
        not method.policy_temperature > 0,
    )
    for name in ("policy_temperature_decay", "policy_curriculum"):
        value = getattr(method, name)
        yield f"--{name}={value:g}: above 0 and up to 1", not 0 < value <= 1


def _sharing_rules(sharing: str, method: MethodConfig) -> Rules:
    """Yields the rules of what needs features that all tasks share."""
    shared = sharing == "hard"
    own_features = f"--sharing={sharing} has features of each task's own"
    yield (
        f"{own_features}: --weak={method.weak} synthesizes from shared ones",
        not shared and WEAK_SOURCES[method.weak].synthesized,
    )
    yield (
        f"{own_features}: --self_supervision={method.self_supervision} learns shared "
        "ones",
        not shared and method.self_supervision != "none",
    )
    yield (
        f"--gradient_surgery={method.gradient_surgery} is about what tasks ask of one "
        f"encoder; --sharing is {sharing}",
        not shared and method.gradient_surgery != "none",
    )
    yield (
        f"--task_weighting={method.task_weighting}: the weights of --sharing=adashare "
        "are equal",
        sharing == "adashare" and method.task_weighting != "equal",
    )
    yield (
        f"--sharing=adashare learns policies of the tasks alone: --weak={method.weak} "
        f"--refinement={method.refinement}",
        sharing == "adashare" and (method.weak, method.refinement) != ("none", "none"),
    )


def _source_rules(source: SourceConfig, method: MethodConfig) -> Rules:
    yield (
        f"--gradient_surgery={method.gradient_surgery} is done on E, which "
        f"--freeze={','.join(source.freeze)} keeps",
        method.gradient_surgery != "none" and "encoder" in source.freeze,
    )
    for flag, weak in (("generators_from", "combined"), ("oracle", "oracle")):
        value = getattr(source, flag)
        yield (
            f"--weak={weak} needs --{flag}, the folder of a run",
            method.weak == weak and not value,
        )
        yield (
            f"--{flag} is of --weak={weak}; --weak is {method.weak}",
            method.weak != weak and bool(value),
        )
    for name in source.freeze:
        yield (
            f"--freeze={name}: {' or '.join(STARTED)}, which --start_from gives",
            name not in STARTED,
        )
    given = STARTED if source.start_from else ("encoder",) * bool(source.pretrained)
    yield (
        f"--freeze={','.join(source.freeze)} without --start_from keeps what has "
        "learned nothing",
        not set(source.freeze) & set(STARTED) <= set(given),
    )


def _pretrained_rules(source: SourceConfig, network: NetworkConfig) -> Rules:
    flag = f"--pretrained={source.pretrained}"
    is_given = bool(source.pretrained)
    yield (
        f"{flag}: published weights are of --encoder_widths=standard, not "
        f"{network.encoder_widths}",
        is_given and network.encoder_widths != "standard",
    )
    yield (
        f"{flag}: published weights are of --width=1, not {network.width:g}",
        is_given and network.width != 1,
    )
    yield (
        f"{flag}: what published weights take for granted is --encoder_form=imagenet, "
        f"or auto, not {network.encoder_form}",
        is_given and network.encoder_form == "paper",
    )
    yield (
        f"{flag} and --start_from={','.join(source.start_from)} both give the encoder "
        "its first weights",
        is_given and bool(source.start_from),
    )


def _schedule_rules(schedule: ScheduleConfig, replicas: int) -> Rules:
    parts = schedule.accumulation_steps
    yield f"--accumulation_steps={parts}: at least 1", parts < 1
    for name, value in dataclasses.asdict(schedule).items():
        if name.endswith("batch_size"):
            yield f"--{name}={value}: a batch has at least 2 examples", value < 2
            uneven = value % max(replicas, 1) != 0
            yield f"--{name}={value} cannot be split over --replicas={replicas}", uneven
            yield from _accumulation_rules(name, value, max(replicas, 1), parts)
        if name.endswith("learning_rate") and name not in OPTIONAL_RATES:
            yield f"--{name}={value}: above 0", not value > 0
        if name.endswith("warmup"):
            yield f"--{name}={value}: in [0, 1)", not 0 <= value < 1
        if name.endswith("length"):
            yield from _parsed_rules(name, value, StageLength.parse)
    for name in OPTIONAL_RATES:
        value = getattr(schedule, name)
        yield f"--{name}={value}: 0 or more", not value >= 0
    yield (
        f"--weight_decay={schedule.weight_decay}: 0 or more",
        not schedule.weight_decay >= 0,
    )
    yield (
        f"--gan_beta_1={schedule.gan_beta_1}: in [0, 1)",
        not 0 <= schedule.gan_beta_1 < 1,
    )


def _accumulation_rules(name: str, size: int, replicas: int, parts: int) -> Rules:
    over = f" on each of {replicas} replicas" * (replicas > 1)
    yield (
        f"--{name}={size} cannot be divided into --accumulation_steps={parts} parts of "
        f"2 examples or more{over}",
        parts > 1 and (size % (replicas * parts) != 0 or size < 2 * replicas * parts),
    )


def _parsed_rules(name: str, text: str, parse: Callable[[str], object]) -> Rules:
    try:
        parse(text)
    except ValueError as error:
        yield f"--{name}: {error}", True


def _run_rules(run: RunConfig) -> Rules:
    for name in (
        "log_every",
        "evaluate_every",
        "checkpoint_every",
        "keep_last",
        "evaluation_batch_size",
        "steps_per_execution",
    ):
        yield f"--{name} must be at least 1", getattr(run, name) < 1
    yield (
        f"--overhead_budget={run.overhead_budget:g}: above 0 and up to 1",
        not 0 < run.overhead_budget <= 1,
    )
    if run.profile:
        yield from _parsed_rules("profile", run.profile, StepRange.parse)
    for name in ("picture_every", "keep_every", "max_recoveries"):
        yield f"--{name}={getattr(run, name)}: 0 or more", getattr(run, name) < 0
    yield (
        "--run_eagerly takes steps without a graph, and --jit_compile compiles it",
        run.run_eagerly and run.jit_compile,
    )
    yield (
        "--remat computes activations again, which --jit_compile would find to be the "
        "same and keep",
        run.remat and run.jit_compile,
    )
    yield f"--seed={run.seed}: in [0, 2**32)", not 0 <= run.seed < 2**32
    yield f"--replicas={run.replicas}: a number of 0 or more", run.replicas < 0
    for text in _alone(run):
        yield f"{text} with --replicas={run.replicas}", run.replicas > 1


def _alone(run: RunConfig) -> Iterator[str]:
    """Yields what does not work on several replicas in TensorFlow 2.21."""
    if run.steps_per_execution > 1:
        yield f"--steps_per_execution={run.steps_per_execution} does not work"
    if run.jit_compile:
        yield "--jit_compile does not work"
    if run.run_eagerly:
        yield "--run_eagerly does not work"
    if run.precision == "float16":
        yield "--precision=float16 does not work"
