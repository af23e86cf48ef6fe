"""The composition root: from a `Config` to data, networks, stages and a trained run.

The only module that knows the settings and the parts.
"""

import dataclasses
import functools
import hashlib
import pathlib

import keras
import tensorflow as tf

from mgm_tf import networks
from mgm_tf.config import checks, options
from mgm_tf.config.lengths import StageLength
from mgm_tf.config.settings import Config
from mgm_tf.data.batches import Part
from mgm_tf.data.dataset import (
    HELD_OUT,
    SCENE_LABEL_SOURCES,
    WEAK,
    DataSet,
    SceneLabelSource,
)
from mgm_tf.data.examples import Reader, Span
from mgm_tf.data.splits import Split
from mgm_tf.method import algorithm
from mgm_tf.method.algorithm import STAGE_NAMES, Method, Stage, Update
from mgm_tf.method.synthesis_labels import SYNTHESIS_LABELS
from mgm_tf.method.train_step import MGM, Optimizers
from mgm_tf.networks.sharing import SHARING
from mgm_tf.networks.task_weights import costs_of
from mgm_tf.tasks.dense import Task, task_of
from mgm_tf.tasks.scenes import SceneClasses
from mgm_tf.train import (
    composition,
    constant_predictor,
    devices,
    other_runs,
    tuning,
    validation,
)


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
    def shares_features(self) -> bool:
        """Whether E gives features that all tasks share."""
        return SHARING[self.settings.network.sharing].shares_features

    @property
    def scene_labels(self) -> SceneLabelSource:
        """Where scene labels come from."""
        return SCENE_LABEL_SOURCES[self.settings.data.scene_labels]

    def examples(
        self, stage: Stage, workdir: pathlib.Path
    ) -> tuple[Split, dict[str, Part]]:
        """What a stage reads: labelled examples and, by name, those beside them.

        Where scene labels are made of the data, this is when; they are kept in the
        run's folder.
        """
        splits = self._splits(stage)
        if stage.reads_scenes and self.scene_labels.relabel is not None:
            relabelled = self.scene_labels.relabel(
                list(splits.values()),
                functools.partial(self.networks["encoder"], training=False),
                self.settings,
                workdir,
                self.data,
            )
            splits = dict(zip(splits, relabelled, strict=True))
        train, *others = splits.values()
        sizes = stage.extra.items()
        return train, {
            name: Part(split, size)
            for (name, size), split in zip(sizes, others, strict=True)
        }

    def _splits(self, stage: Stage) -> dict[str, Split]:
        """The examples of a stage, then those beside them by name."""
        train = self.data.policy_weights if HELD_OUT in stage.extra else self.data.train
        extra = {WEAK: lambda: self.data.weak, HELD_OUT: lambda: self.data.held_out}
        return {"": train} | {name: extra[name]() for name in stage.extra}

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """Where it runs."""
        run = self.settings.run
        strategy = devices.strategy_of(run.replicas)
        if strategy.num_replicas_in_sync > 1:
            checks.check_alone(run, f"{strategy.num_replicas_in_sync} devices")
        return strategy

    @functools.cached_property
    def networks(self) -> dict[str, keras.Model]:
        """The networks that some update needs; their weights are the seed's."""
        return self._build()

    def start(self) -> None:
        """Gives E and the decoders the weights of other runs, if some are named."""
        other_runs.start(self.networks, self.settings, self.data.task_names, Experiment)

    def _build(self) -> dict[str, keras.Model]:
        wanted, outputs = self.settings.network, self.method.multi_task.outputs
        rows = [row for rows in self._stage_updates.values() for row in rows]
        keras.utils.set_random_seed(self.settings.run.seed)
        with self.strategy.scope():
            return networks.build_networks(
                tasks={task.name: task.output_channels for task in self.tasks},
                # Without labels, R and G are in no update.
                classes=max(self.data.scene_classes.size, 1),
                image_size=self.data.info.image_size,
                encoder=wanted.encoder,
                encoder_widths=wanted.encoder_widths,
                output_stride=wanted.output_stride,
                decoder=wanted.decoder,
                gan=wanted.gan,
                width=wanted.width,
                names=algorithm.networks_of(tuple(rows)),
                sharing=wanted.sharing,
                groups=wanted.task_groups,
                task_weights=self.settings.method.task_weighting,
                # A task that is predicted twice is weighed twice.
                costs=costs_of([bool(t.info.class_names) for _, t in outputs]),
            )

    def restart(self) -> None:
        """Gives E and the decoders their initial weights; draws AdaShare's policy."""
        fresh = self._build()
        for name in algorithm.MULTI_TASK_NETWORK:
            self.networks[name].set_weights(fresh[name].get_weights())
        number = self.settings.method.policy_draw
        if number:
            self.networks["policy"].settle(self.settings.run.seed, number)

    @functools.cached_property
    def helpers(self) -> dict[str, keras.Model]:
        """Trained networks of other runs that images are made by."""
        with self.strategy.scope():
            return other_runs.helpers(
                self.settings.source,
                self.data.info.image_size,
                self.data.task_names,
                Experiment,
            )

    @functools.cached_property
    def method(self) -> Method:
        """The losses and images of the rows of Algorithm 1."""
        return composition.method_of(
            self.settings,
            self.tasks,
            self.data.scene_classes,
            other_runs.names(self.settings.source),
        )

    @functools.cached_property
    def _stage_updates(self) -> dict[str, tuple[Update, ...]]:
        """The updates of all stages, by name; some have none."""
        rule = self.settings.method.moving_statistics
        frozen = self.method.frozen
        return {
            name: algorithm.with_moving_statistics(rows, rule, frozen)
            for name, rows in algorithm.stage_updates(self.method).items()
        }

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of appendix B that have something to do."""
        return self.plan(len(self.data.train))

    def trained(self, step: int) -> set[str]:
        """The networks that some update has moved by that step of the run."""
        done = [stage for stage in self.stages if stage.begin < step]
        return {n for stage in done for row in stage.updates for n in row.trains}

    def plan(self, examples: int) -> tuple[Stage, ...]:
        """The stages for so many training examples.

        Raises:
          ValueError: there are none, or a batch cannot be made of the examples.
        """
        schedule = self.settings.schedule
        stages: list[Stage] = []
        for name, rows in self._stage_updates.items():
            wanted = getattr(schedule, f"{name}_batch_size")
            batch_size = self._batch_size(wanted, examples)
            length = StageLength.parse(getattr(schedule, f"{name}_length"))
            steps = length.steps(examples, batch_size)
            if rows and steps:
                begin = stages[-1].end if stages else 0
                stage = Stage(name, rows, batch_size, steps, begin)
                stages.append(self._with_extra(stage, examples))
        self._check_scenes(stages)
        if not stages:
            raise ValueError(
                "Nothing to train: no stage has a length above 0 and an update. Set "
                + ", ".join(f"--{name}_length" for name in STAGE_NAMES)
                + " or --weak."
            )
        return tuple(self._restarting(stages))

    def _restarting(self, stages: list[Stage]) -> list[Stage]:
        """The stages; the last begins anew if it retrains what a policy has chosen."""
        *before, last = stages
        learned = any(HELD_OUT in stage.extra for stage in before)
        return [*before, dataclasses.replace(last, restarts=learned)]

    def _check_scenes(self, stages: list[Stage]) -> None:
        reading = [stage.name for stage in stages if stage.reads_scenes]
        if reading and not self.data.scene_classes.size:
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

    def _with_extra(self, stage: Stage, examples: int) -> Stage:
        """The stage with as large batches beside as make one epoch of all."""
        # Interpretation: r weak examples for a labelled one come in every step, not r
        # steps. Policies and weights learn from minibatches of the same size.
        rules_of = {
            WEAK: lambda: (len(self.data.weak) / examples, len(self.data.weak)),
            HELD_OUT: lambda: (1.0, len(self.data.held_out)),
        }
        extra = {}
        for name in stage.reads:
            ratio, number = rules_of[name]()
            wanted = max(round(stage.batch_size * ratio), 2)
            extra[name] = self._batch_size(wanted, number)
        return dataclasses.replace(stage, extra=extra)

    def _batch_size(self, wanted: int, examples: int) -> int:
        replicas = self.strategy.num_replicas_in_sync
        # Interpretation: a set that is smaller than a batch is one.
        size = min(wanted, examples // replicas * replicas)
        if size % replicas or size < 2:
            raise ValueError(
                f"A batch of {wanted} of {examples} examples on {replicas} replicas is "
                "impossible: it needs 2 examples, and as many on each replica."
            )
        return size

    def optimizers(self, stage: Stage) -> dict[str, keras.optimizers.Optimizer]:
        """New, built optimizers for a stage, by their `tuning.OPTIMIZER_KEYS`."""
        key = tuning.OPTIMIZER_KEYS[self.settings.schedule.optimizers]
        made: dict[str, keras.optimizers.Optimizer] = {}
        with self.strategy.scope():
            for update in stage.updates:
                for name in update.trains:
                    if key(update.name, name) not in made:
                        optimizer = tuning.optimizer(self.settings.schedule, name)
                        optimizer.build(self.networks[name].trainable_variables)
                        made[key(update.name, name)] = optimizer
        return made

    def model(self, stage: Stage, optimizers) -> MGM:
        """The model that trains a stage, compiled."""
        key = tuning.OPTIMIZER_KEYS[self.settings.schedule.optimizers]
        by_update: Optimizers = {
            (update.name, name): optimizers[key(update.name, name)]
            for update in stage.updates
            for name in update.trains
        }
        with self.strategy.scope():
            model = MGM(
                self.networks | self.helpers,
                stage.updates,
                self.reader(stage),
                by_update,
                self.method.frozen,
            )
            model.compile(
                optimizer=None,
                run_eagerly=self.settings.run.run_eagerly,
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
                labels=self.data.scene_classes,
                frequencies=lambda: self.data.frequencies,
            )
        return Reader(
            self.tasks,
            self.data.scene_classes,
            self.settings.run.seed,
            stage.batch_size,
            stage.extra,
            wanted,
            self.settings.data.augmentation,
            Span(stage.begin, stage.steps, self._examples_of(stage)),
        )

    def _examples_of(self, stage: Stage) -> int:
        if not self.data.is_built():
            return 1
        return len(self._splits(stage)[""])

    def predict(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """M(x) at test time, in the networks' coding."""
        features = self.networks["encoder"](images, training=False)
        return self.networks["decoders"](features, training=False)

    @functools.cached_property
    def evaluate(self) -> validation.Evaluator:
        """Computes the metrics of the networks, as they are when it is called."""
        return self.evaluator(self.predict)

    def evaluate_constant_predictor(
        self, split: str, workdir: pathlib.Path
    ) -> validation.Metrics:
        """The metrics of the constant predictor, which is kept in the run's folder."""
        path = workdir / "constant_predictor.npz"
        constant = constant_predictor.prior(self.data.train, self.tasks, path=path)
        return self.evaluator(constant)(self.data.split(split))

    def fingerprint(self) -> str:
        """Tells these weights, and how they came about, from any others."""
        digest = hashlib.sha256()
        for name, value in options.settings(self.settings).items():
            if not options.leaves(Config)[name].metadata["may_change"]:
                digest.update(f"{name}={value}\n".encode())
        for network in self.networks.values():
            for variable in network.variables:
                digest.update(variable.numpy().tobytes())
        return digest.hexdigest()

    def evaluator(
        self, predictor: validation.Predictor, labels: SceneClasses | None = None
    ) -> validation.Evaluator:
        """Computes the metrics of a predictor of the tasks and, with it, of labels."""
        run = self.settings.run
        size, eagerly = run.evaluation_batch_size, run.run_eagerly
        return validation.Evaluator(
            predictor, self.tasks, size, labels, eagerly=eagerly
        )
