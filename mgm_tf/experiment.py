"""The composition root: from a `Config` to data, networks, stages and a trained run.

The only module that knows the settings and the parts.
"""

import dataclasses
import functools
import hashlib
import pathlib

import keras
import tensorflow as tf

from mgm_tf import (
    algorithm,
    audit,
    config,
    costs,
    data_set,
    devices,
    evaluation,
    inputs,
    networks,
    options,
    prior,
    provenance,
    pseudo_labels,
    records,
)
from mgm_tf.algorithm import STAGE_NAMES, Stage, Update
from mgm_tf.config import Config, Length
from mgm_tf.data_set import SCENE_LABELS, DataSet, SceneLabels
from mgm_tf.examples import Reader
from mgm_tf.inputs import Split
from mgm_tf.model import MGM, Optimizers
from mgm_tf.objectives import Contrastive, Discriminate, Generate, MultiTask, Scene
from mgm_tf.optimizers import Adam
from mgm_tf.synthesis import SYNTHESIS_LABELS
from mgm_tf.tasks import Task, task_of


@dataclasses.dataclass(frozen=True)
class Experiment:
    """What a run is made of; each part is made when it is first asked for."""

    settings: Config

    @functools.cached_property
    def data(self) -> DataSet:
        """The examples."""
        # First of all, while TensorFlow can still split the CPU.
        self.strategy  # noqa: B018
        return DataSet(self.settings.data)

    @functools.cached_property
    def tasks(self) -> tuple[Task, ...]:
        """What is learned.

        Raises:
          ValueError: there is no such coding of any task.
        """
        infos = [self.data.info.tasks[name] for name in self.data.task_names]
        coding = self.settings.data.target_coding
        known = {name for info in infos for name in info.codings}
        if coding and coding not in known:
            raise ValueError(
                f"--target_coding={coding}: the tasks of {self.settings.data.dataset} "
                f"have {', '.join(sorted(known)) or 'no coding but the usual one'}."
            )
        return tuple(task_of(info.with_coding(coding)) for info in infos)

    @property
    def scene_labels(self) -> SceneLabels:
        """Where scene labels come from."""
        return SCENE_LABELS[self.settings.data.scene_labels]

    def examples(self, stage: Stage, workdir: pathlib.Path) -> list[Split]:
        """What a stage reads: labelled examples and, if it reads them, weak ones.

        Where scene labels are learned, this is when; they are kept in the run's folder.
        """
        splits = [self.data.train, *([self.data.weak] if stage.reads_weak else [])]
        if not (stage.reads_scenes and self.scene_labels.learned):
            return splits
        return pseudo_labels.relabelled(
            splits,
            functools.partial(self.networks["encoder"], training=False),
            self.settings.data.scene_clusters,
            self.settings.run.seed,
            workdir,
        )

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """Where it runs."""
        run = self.settings.run
        strategy = devices.strategy_of(run.replicas)
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
                # Without labels, R and G are there, but in no update.
                classes=max(self.data.labels.size, 1),
                image_size=self.data.info.image_size,
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
            scene=Scene(self.data.labels),
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
        return self.plan(len(self.data.train))

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
                stage = Stage(name, rows, batch_size, steps)
                stages.append(self._with_weak(stage, examples))
        self._check_scenes(stages)
        if not stages:
            raise ValueError(
                "Nothing to train: no stage has a length above 0 and an update. Set "
                + ", ".join(f"--{name}_length" for name in STAGE_NAMES)
                + " or --weak."
            )
        return tuple(stages)

    def _check_scenes(self, stages: list[Stage]) -> None:
        reading = [stage.name for stage in stages if stage.reads_scenes]
        if reading and not self.data.labels.size:
            raise ValueError(
                f"{self.settings.data.dataset} has no scene labels, which the "
                f"{reading[0]} stage learns from. --scene_labels=cluster makes pseudo "
                "classes of E's features; --weak=none --refinement=none does without."
            )
        names = [stage.name for stage in stages]
        if reading and self.scene_labels.learned and STAGE_NAMES[0] not in names:
            raise ValueError(
                "--scene_labels=cluster: clusters are made of the features that E has "
                "learned in stage 1, but --multi_task_length is 0."
            )

    def _with_weak(self, stage: Stage, examples: int) -> Stage:
        """The stage with as large a weak batch as makes one epoch of both."""
        if not stage.reads_weak:
            return stage
        weak = len(self.data.weak)
        # Reading: r weak examples for a labelled one come in every step, not r steps.
        wanted = max(round(stage.batch_size * weak / examples), 2)
        size = self._batch_size(wanted, weak)
        return dataclasses.replace(stage, weak_batch_size=size)

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
        method = self.settings.method
        wanted = None
        if stage.reads_scenes:
            wanted = functools.partial(
                SYNTHESIS_LABELS[method.synthesis_labels],
                labels=self.data.labels,
                frequencies=lambda: self.data.frequencies,
            )
        return Reader(
            self.tasks,
            self.data.labels,
            self.settings.run.seed,
            stage.batch_size,
            stage.weak_batch_size,
            wanted,
            self.settings.data.augmentation,
        )

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
        constant = prior.prior(self.data.train, self.tasks, path=path)
        return self._evaluator(constant)(self.data.split(split))

    def fingerprint(self) -> str:
        """Tells these weights, and how they came about, from any others."""
        digest = hashlib.sha256()
        for name, value in options.settings(self.settings).items():
            if not options.leaves(Config)[name].metadata["habit"]:
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
    built = experiment.data.is_built()
    schedule = experiment.settings.schedule
    some = max(getattr(schedule, f"{n}_batch_size") for n in STAGE_NAMES)
    examples = len(experiment.data.train) if built else some
    found, lengths = {}, {}
    for stage in experiment.plan(examples):
        model = experiment.model(stage, experiment.optimizers(stage))
        spec = inputs.batch_spec(
            experiment.data.info,
            experiment.data.task_names,
            stage.batch_size,
            stage.weak_batch_size,
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


# --check_data: whether nonsense is refused.
REFUSES = {"refuse": True, "warn": False}


def begin(experiment: Experiment, workdir: pathlib.Path) -> None:
    """Claims the folder for a run, or finds it to be this run's.

    Raises:
      ValueError: it is another run's, these settings cannot be, or the data are
        nonsense or not those that the run began with; the folder is as it was then.
    """
    settings = experiment.settings
    is_new = not (workdir / "config.json").exists()
    if not is_new:
        changed = records.differences(records.load(workdir), settings)
        if changed:
            raise ValueError(
                f"{workdir} holds a run with other settings; continue it with the same "
                "ones, or take another --workdir.\n  " + "\n  ".join(changed)
            )
    experiment.stages  # noqa: B018 - builds the data, and is refused if impossible
    if is_new:
        data = experiment.data
        audit.check(
            {data_set.TRAIN: data.train, data_set.VALIDATION: data.validation},
            refuse=REFUSES[settings.data.check_data],
        )
    provenance.note(workdir, provenance.of(experiment.data.builder))
    records.save(settings, workdir)
