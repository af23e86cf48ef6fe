"""The composition root: from a `Config` to data, networks, stages and a trained run.

The only module that knows the settings and the parts.
"""

import dataclasses
import functools
import hashlib
import pathlib

import keras
import tensorflow as tf
import tensorflow_datasets as tfds

from datasets.metadata import DataInfo
from mgm_tf import (
    algorithm,
    builders,
    config,
    costs,
    evaluation,
    inputs,
    networks,
    prior,
    records,
)
from mgm_tf.algorithm import STAGE_NAMES, Stage, Update
from mgm_tf.config import Config, Length
from mgm_tf.examples import Reader
from mgm_tf.inputs import Split
from mgm_tf.labels import Categorical
from mgm_tf.model import MGM, Optimizers
from mgm_tf.objectives import Contrastive, Discriminate, Generate, MultiTask, Scene
from mgm_tf.optimizers import Adam
from mgm_tf.tasks import Task, task_of


def strategy_of(replicas: int) -> tf.distribute.Strategy:
    """All GPUs, or `replicas` devices; on a CPU logical ones.

    Raises:
      ValueError: there are GPUs, but fewer than asked for.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and replicas > len(gpus):
        raise ValueError(f"--replicas={replicas}: only {len(gpus)} GPUs are seen.")
    number = replicas or max(len(gpus), 1)
    if number == 1:
        return tf.distribute.get_strategy()
    kind = "GPU" if gpus else "CPU"
    if not gpus:
        logical_cpus(number)
    return _mirrored(tuple(f"{kind}:{i}" for i in range(number)))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Two strategies in one process mix up the keys of their collective operations.
    return tf.distribute.MirroredStrategy(devices)


def logical_cpus(number: int) -> None:
    """Splits the CPU into logical devices, unless it is split so far already.

    Raises:
      ValueError: TensorFlow runs already, with fewer.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * number
        )
    except RuntimeError:
        seen = len(tf.config.list_logical_devices("CPU"))
        if seen < number:
            raise ValueError(
                f"--replicas={number}: TensorFlow runs with {seen} logical CPUs."
            ) from None


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a run is made of; each part is made when it is first asked for."""

    settings: Config

    @functools.cached_property
    def builder(self) -> tfds.core.DatasetBuilder:
        """The data set, built or not; it has what is asked of it."""
        # First of all, while TensorFlow can still split the CPU.
        self.strategy  # noqa: B018
        wanted = self.settings.data
        builder = builders.open_builder(
            wanted.dataset, wanted.protocol, wanted.image_size, wanted.data_dir
        )
        info = DataInfo.from_metadata(builder.info.metadata)
        inputs.check_tasks(info, wanted.tasks, builder.info.full_name)
        return builder

    @functools.lru_cache  # noqa: B019 - an experiment lives as long as the program
    def split(self, name: str) -> Split:
        """The examples of `train`, `validation` or `test`; built if need be."""
        wanted = self.settings.data
        builders.prepare(self.builder, wanted.manual_dir)
        return Split(self.builder, name, wanted.tasks, wanted.cache)

    @functools.cached_property
    def info(self) -> DataInfo:
        """What the data are."""
        return DataInfo.from_metadata(self.builder.info.metadata)

    @functools.cached_property
    def tasks(self) -> tuple[Task, ...]:
        """What is learned."""
        return tuple(task_of(self.info.tasks[n]) for n in self.settings.data.tasks)

    @functools.cached_property
    def labels(self) -> Categorical:
        """The scene classes."""
        return Categorical(self.info.scene_names)

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """Where it runs."""
        run = self.settings.run
        strategy = strategy_of(run.replicas)
        if strategy.num_replicas_in_sync > 1:
            config.check_alone(run, f"{strategy.num_replicas_in_sync} devices")
        return strategy

    @functools.cached_property
    def networks(self) -> dict[str, keras.Model]:
        """The networks with their initial weights, a function of the seed."""
        wanted = self.settings.network
        keras.utils.set_random_seed(self.settings.run.seed)
        with self.strategy.scope():
            return networks.build_networks(
                tasks={task.name: task.output_channels for task in self.tasks},
                classes=self.labels.size,
                image_size=self.info.image_size,
                encoder=wanted.encoder,
                encoder_widths=wanted.encoder_widths,
                output_stride=wanted.output_stride,
                decoder=wanted.decoder,
                gan=wanted.gan,
                width=wanted.width,
            )

    @functools.cached_property
    def objectives(self) -> algorithm.Objectives:
        """The losses."""
        method = self.settings.method
        return algorithm.Objectives(
            multi_task=MultiTask(self.tasks),
            scene=Scene(self.labels),
            contrastive=Contrastive(method.temperature),
            discriminate=Discriminate(method.instance_noise),
            generate=Generate(method.instance_noise),
        )

    @functools.cached_property
    def updates(self) -> tuple[Update, ...]:
        """The updates of a joint step."""
        method = self.settings.method
        return algorithm.algorithm_1(
            self.objectives,
            algorithm.WEAK[method.weak],
            algorithm.REFINEMENT[method.refinement],
            algorithm.SELF_SUPERVISION[method.self_supervision],
            method.generator_updates,
        )

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of appendix B that have something to do."""
        return self.plan(len(self.split("train")))

    def trained(self, step: int) -> set[str]:
        """The networks that some update has moved by that step of the run."""
        names, begin = set(), 0
        for stage in self.stages:
            if begin < step:
                names |= {name for row in stage.updates for name in row.trains}
            begin += stage.steps
        return names

    def plan(self, examples: int) -> tuple[Stage, ...]:
        """The stages for so many training examples.

        Raises:
          ValueError: there are none, or a batch cannot be made of the examples.
        """
        schedule = self.settings.schedule
        stages = []
        for name, rows in algorithm.stage_updates(
            self.objectives, self.updates
        ).items():
            batch_size = self._batch_size(
                getattr(schedule, f"{name}_batch_size"), examples
            )
            length = Length.parse(getattr(schedule, f"{name}_length"))
            steps = length.steps(examples, batch_size)
            rule = self.settings.method.moving_statistics
            rows = algorithm.with_moving_statistics(rows, rule)
            if rows and steps:
                stages.append(Stage(name, rows, batch_size, steps))
        if not stages:
            raise ValueError(
                "Nothing to train: no stage has a length above 0 and an update. Set "
                + ", ".join(f"--{name}_length" for name in STAGE_NAMES)
                + " or --weak."
            )
        return tuple(stages)

    def _batch_size(self, wanted: int, examples: int) -> int:
        replicas = self.strategy.num_replicas_in_sync
        # Reading: a set that is smaller than a batch is one.
        size = min(wanted, examples // replicas * replicas)
        if size % replicas or size < 2:
            raise ValueError(
                f"A batch of {wanted} of {examples} examples on {replicas} replicas is "
                "impossible: it needs 2 examples, and as many on each replica."
            )
        return size

    def optimizers(self, stage: Stage) -> dict[str, keras.optimizers.Optimizer]:
        """New, built optimizers for a stage, by their `OPTIMIZER_KEYS`."""
        key = OPTIMIZER_KEYS[self.settings.schedule.optimizers]
        made: dict[str, keras.optimizers.Optimizer] = {}
        with self.strategy.scope():
            for update in stage.updates:
                for name in update.trains:
                    if key(update.name, name) not in made:
                        optimizer = self._optimizer(name)
                        optimizer.build(self.networks[name].trainable_variables)
                        made[key(update.name, name)] = optimizer
        return made

    def _optimizer(self, network: str) -> keras.optimizers.Optimizer:
        schedule = self.settings.schedule
        rates = {
            "generator": schedule.generator_learning_rate,
            "embedding": schedule.embedding_learning_rate,
            "discriminator": schedule.discriminator_learning_rate,
        }
        is_gan = network in rates
        return Adam(
            rates.get(network, schedule.learning_rate),
            beta_1=schedule.gan_beta_1 if is_gan else 0.9,
            l2=0.0 if is_gan else schedule.weight_decay,
            name=f"adam_{network}",
        )

    def model(self, stage: Stage, optimizers) -> MGM:
        """The model that trains a stage, compiled."""
        key = OPTIMIZER_KEYS[self.settings.schedule.optimizers]
        by_update: Optimizers = {
            (update.name, name): optimizers[key(update.name, name)]
            for update in stage.updates
            for name in update.trains
        }
        with self.strategy.scope():
            model = MGM(self.networks, stage.updates, self.reader(stage), by_update)
            model.compile(
                optimizer=None,
                jit_compile=self.settings.run.jit_compile,
                steps_per_execution=self.settings.run.steps_per_execution,
            )
        return model

    def reader(self, stage: Stage) -> Reader:
        """Makes examples of the batches of a stage."""
        return Reader(self.tasks, self.labels, self.settings.run.seed, stage.batch_size)

    def predict(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """M(x) at test time, in the networks' coding."""
        features = self.networks["encoder"](images, training=False)
        return self.networks["decoders"](features, training=False)

    @functools.cached_property
    def evaluate(self) -> evaluation.Evaluator:
        """Computes the metrics of the networks, as they are when it is called."""
        return self._evaluator(self.predict)

    def evaluate_prior(self, split: str, workdir: pathlib.Path) -> evaluation.Metrics:
        """The metrics of the constant predictor, which is kept in the run's folder."""
        path = workdir / "constant_predictor.npz"
        constant = prior.prior(self.split("train"), self.tasks, path=path)
        return self._evaluator(constant)(self.split(split))

    def fingerprint(self) -> str:
        """Tells these weights, and how they came about, from any others."""
        digest = hashlib.sha256()
        for name, value in config.settings(self.settings).items():
            if not config.leaves(Config)[name].metadata["habit"]:
                digest.update(f"{name}={value}\n".encode())
        for network in self.networks.values():
            for variable in network.variables:
                digest.update(variable.numpy().tobytes())
        return digest.hexdigest()

    def _evaluator(self, predictor: evaluation.Predictor) -> evaluation.Evaluator:
        batch_size = self.settings.run.evaluation_batch_size
        return evaluation.Evaluator(predictor, self.tasks, batch_size)


def costs_report(experiment: Experiment) -> str:
    """What would be trained and what a step of it costs, without training data."""
    built = experiment.builder.is_prepared()
    schedule = experiment.settings.schedule
    some = max(getattr(schedule, f"{n}_batch_size") for n in STAGE_NAMES)
    examples = len(experiment.split("train")) if built else some
    found, lengths = {}, {}
    for stage in experiment.plan(examples):
        model = experiment.model(stage, experiment.optimizers(stage))
        spec = inputs.batch_spec(
            experiment.info, experiment.settings.data.tasks, stage.batch_size
        )
        found[stage] = costs.step_costs(model, spec)
        text = getattr(schedule, f"{stage.name}_length")
        steps = f" = {stage.steps} steps" if built else ", the data are not built yet"
        lengths[stage.name] = text + steps
    counts = networks.parameter_counts(experiment.networks)
    return costs.table(counts, found, lengths)


# Reading: which updates share an optimizer is not stated; E is changed by most.
OPTIMIZER_KEYS = {
    "per_network": lambda update, network: network,
    "per_update": lambda update, network: f"{update}.{network}",
}


def begin(experiment: Experiment, workdir: pathlib.Path) -> None:
    """Claims the folder for a run, or finds it to be this run's.

    Raises:
      ValueError: it is another run's, or these settings cannot be; they have not
        claimed the folder then.
    """
    settings = experiment.settings
    if (workdir / "config.json").exists():
        changed = records.differences(records.load(workdir), settings)
        if changed:
            raise ValueError(
                f"{workdir} holds a run with other settings; continue it with the same "
                "ones, or take another --workdir.\n  " + "\n  ".join(changed)
            )
    experiment.stages  # noqa: B018 - builds the data, and is refused if impossible
    records.save(settings, workdir)
