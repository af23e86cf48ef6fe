"""The composition root: from a `Config` to data, networks, stages and a trained run.

The only module that knows the settings and the parts.
"""

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping

import keras
import tensorflow as tf

from mgm_tf.config import checks
from mgm_tf.config.settings import Config
from mgm_tf.data.batches import Batches, Part
from mgm_tf.data.dataset import SCENE_LABEL_SOURCES, DataSet, SceneLabelSource
from mgm_tf.data.examples import HELD_OUT, Reader, StageSpan
from mgm_tf.data.splits import Split
from mgm_tf.method import algorithm, loss_scaling, stages
from mgm_tf.method.algorithm import Method, Update
from mgm_tf.method.stages import STAGE_NAMES, Stage
from mgm_tf.method.synthesis_labels import SYNTHESIS_LABELS
from mgm_tf.method.train_step import MGM, Optimizers
from mgm_tf.networks.sharing import SHARING
from mgm_tf.tasks.dense import Task, task_of
from mgm_tf.tasks.scenes import SceneClasses
from mgm_tf.train import (
    composition,
    constant_predictor,
    devices,
    optimizers,
    other_runs,
    pretrained_encoder,
    schedule,
    validation,
)
from mgm_tf.train.batch_statistics import IS_ESTIMATED, TestTime
from mgm_tf.train.checkpoints import Checkpoints


@dataclasses.dataclass(frozen=True)
class StageTraining:
    """All that training a stage takes.

    Attributes:
      stage: the stage.
      optimizers: its optimizers by their keys, which are checkpointed.
      model: the compiled model whose `train_step` runs the stage's updates.
      reader: what makes examples of its batches.
      read_batches: opens the examples and returns the batches; labels may be made of
        what the networks have learned, so not before their weights are restored.
    """

    stage: Stage
    optimizers: Mapping[str, keras.optimizers.Optimizer]
    model: MGM
    reader: Reader
    read_batches: Callable[[], Batches]


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
        """The tasks that are learned.

        Raises:
          ValueError: there is no such coding of any task.
        """
        infos = [self.data.info.tasks[name] for name in self.data.task_names]
        coding = self.settings.data.target_coding
        codings = {name for info in infos for name in info.codings}
        if coding and coding not in codings:
            raise ValueError(
                f"--target_coding={coding}: the tasks of {self.settings.data.dataset} "
                f"have {', '.join(sorted(codings)) or 'no coding but the usual one'}."
            )
        return tuple(task_of(info.with_coding(coding)) for info in infos)

    @property
    def shares_features(self) -> bool:
        """Whether E gives features that all tasks share."""
        return SHARING[self.settings.network.sharing].shares_features

    @property
    def scene_label_source(self) -> SceneLabelSource:
        """The source of the scene labels."""
        return SCENE_LABEL_SOURCES[self.settings.data.scene_labels]

    def examples(
        self, stage: Stage, workdir: pathlib.Path
    ) -> tuple[Split, dict[str, Part]]:
        """Returns the labelled examples of a stage and, by name, the extra ones.

        Where scene labels are made of the data, this is when; they are kept in the
        run's folder.
        """
        splits = self._splits(stage)
        if stage.reads_scenes and self.scene_label_source.relabel is not None:
            with self.test_time(stage):
                relabelled = self.scene_label_source.relabel(
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
        """Returns the labelled examples of a stage, then the extra ones by name."""
        train = self.data.policy_weights if HELD_OUT in stage.extra else self.data.train
        return {"": train} | {name: self._extra_split(name) for name in stage.extra}

    def _extra_split(self, name: str) -> Split:
        # The data set has them under their names in a batch.
        return getattr(self.data, name)

    @functools.cached_property
    def strategy(self) -> tf.distribute.Strategy:
        """The devices that it runs on."""
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
        """Gives E and the decoders published weights or those of other runs, if named.

        Raises:
          FileNotFoundError: what is named is not there.
          ValueError: it does not fit the networks.
        """
        self._begin(self.networks)

    def _begin(self, networks: dict[str, keras.Model]) -> None:
        pretrained_encoder.initialize(networks, self.settings)
        names = self.data.task_names
        other_runs.initialize(networks, self.settings, names, Experiment)

    def _build(self) -> dict[str, keras.Model]:
        rows = [row for rows in self._stage_updates.values() for row in rows]
        keras.utils.set_random_seed(self.settings.run.seed)
        with self.strategy.scope():
            return composition.networks_of(
                self.settings,
                self.tasks,
                self.method,
                names=algorithm.networks_of(rows),
                classes=self.data.scene_classes.size,
                image_size=self.data.info.image_size,
            )

    def restart(self) -> None:
        """Gives E and the decoders their initial weights; draws AdaShare's policy."""
        fresh = self._build()
        self._begin(fresh)
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
            other_runs.synthesizer_names(self.settings.source),
        )

    @functools.cached_property
    def _stage_updates(self) -> dict[str, tuple[Update, ...]]:
        """The updates of all stages, by name; some have none."""
        method, frozen = self.settings.method, self.method.frozen
        rule, passes = method.moving_statistics, method.passes
        return {
            name: stages.with_moving_statistics(rows, rule, frozen, passes)
            for name, rows in stages.stage_updates(self.method).items()
        }

    @functools.cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages of appendix B that have something to do."""
        return self.plan(len(self.data.train))

    def trained(self, step: int) -> set[str]:
        """The networks that some update has moved by that step of the run."""
        done = (stage.trains for stage in self.stages if stage.begin < step)
        return {name for trains in done for name in trains}

    def plan(self, examples: int) -> tuple[Stage, ...]:
        """The stages for so many training examples.

        Raises:
          ValueError: there are none, or a batch cannot be made of the examples.
        """
        settings = self.settings.schedule
        extra = schedule.needed_extra(self._stage_updates, settings)
        stages = schedule.plan(
            self._stage_updates,
            settings,
            schedule.Sizes(
                examples,
                {name: len(self._extra_split(name)) for name in extra},
                self.strategy.num_replicas_in_sync,
            ),
        )
        self._check_scenes(stages)
        return stages

    def _check_scenes(self, stages: tuple[Stage, ...]) -> None:
        reading = [stage.name for stage in stages if stage.reads_scenes]
        if reading and not self.data.scene_classes.size:
            raise ValueError(
                f"{self.settings.data.dataset} has no scene labels, which the "
                f"{reading[0]} stage learns from. --scene_labels=cluster makes pseudo "
                "classes of E's features; --weak=none --refinement=none does without."
            )
        names = [stage.name for stage in stages]
        if reading and self.scene_label_source.learned and STAGE_NAMES[0] not in names:
            raise ValueError(
                "--scene_labels=cluster: clusters are made of the features that E has "
                "learned in stage 1, but --multi_task_length is 0."
            )

    def optimizers(self, stage: Stage) -> dict[str, keras.optimizers.Optimizer]:
        """Returns new, built optimizers for a stage, by their key."""
        with self.strategy.scope():
            return optimizers.of_stage(stage, self.settings.schedule, self.networks)

    def model(
        self,
        stage: Stage,
        by_key: Mapping[str, keras.optimizers.Optimizer],
    ) -> MGM:
        """Returns the compiled model that trains a stage.

        Args:
          stage: the stage.
          by_key: its optimizers, as `optimizers` returns them.
        """
        key = optimizers.KEYS[self.settings.schedule.optimizers]
        by_update: Optimizers = {
            (update.name, name): by_key[key(update.name, name)]
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
                stage.rate_schedule,
                self.settings.method.passes,
                loss_scaling.of_updates(stage.updates, self.settings.run.precision),
                self.settings.schedule.accumulation_steps,
                self.settings.run.remat,
                self.settings.run.jit_compile,
            )
            model.compile(
                optimizer=None,
                run_eagerly=self.settings.run.run_eagerly,
                jit_compile=False,
                steps_per_execution=self.settings.run.steps_per_execution,
            )
        return model

    def stage_training(self, stage: Stage, workdir: pathlib.Path) -> StageTraining:
        """Returns all that training a stage of the run in `workdir` takes."""
        by_key = self.optimizers(stage)
        model = self.model(stage, by_key)

        def read_batches() -> Batches:
            train, extra = self.examples(stage, workdir)
            seed = stage.seed_of(self.settings.run.seed)
            return Batches(train, stage.batch_size, seed, stage.begin, extra)

        return StageTraining(stage, by_key, model, model.reader, read_batches)

    def reader(self, stage: Stage) -> Reader:
        """Returns what makes examples of the batches of a stage."""
        method = self.settings.method
        synthesis_labels = None
        if stage.reads_scenes:
            synthesis_labels = functools.partial(
                SYNTHESIS_LABELS[method.synthesis_labels],
                scene_classes=self.data.scene_classes,
                frequencies=lambda: self.data.frequencies,
            )
        return Reader(
            self.tasks,
            self.data.scene_classes,
            stage.seed_of(self.settings.run.seed),
            stage.batch_size,
            stage.extra,
            synthesis_labels,
            self.settings.data.augmentation,
            StageSpan(stage.begin, stage.steps, self._examples_of(stage)),
        )

    def _examples_of(self, stage: Stage) -> int:
        if not self.data.is_built():
            return 1
        return len(self._splits(stage)[""])

    def predict(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns M(x) at test time, in the networks' coding."""
        features = self.networks["encoder"](images, training=False)
        return self.networks["decoders"](features, training=False)

    @functools.cached_property
    def test_time(self) -> TestTime:
        """The time at which networks are judged and used."""
        method, run = self.settings.method, self.settings.run
        return TestTime(
            self.networks,
            self.data.train,
            Reader((), self.data.scene_classes, run.seed, 1),
            self.method.generate.latent,
            images=method.statistics_images * IS_ESTIMATED[method.test_statistics],
            frozen=self.method.frozen,
            eagerly=run.run_eagerly,
        )

    def restore(self, workdir: pathlib.Path, which: str) -> int:
        """Gives the networks the weights of a checkpoint, for use at test time.

        Returns:
          Its step.
        """
        checkpoints = Checkpoints(workdir, self.networks)
        step = checkpoints.restore(which)
        if which in checkpoints.OF_TRAINING:
            self.test_time.settle()
        return step

    @functools.cached_property
    def evaluate(self) -> validation.Evaluator:
        """Computes the metrics of the networks, as they are when it is called."""
        return self.evaluator(self.predict)

    def evaluate_constant_predictor(
        self, split: str, workdir: pathlib.Path
    ) -> validation.Metrics:
        """The metrics of the constant predictor, which is kept in the run's folder."""
        path = workdir / "constant_predictor.npz"
        constant = constant_predictor.estimate(self.data.train, self.tasks, path=path)
        return self.evaluator(constant)(self.data.split(split))

    def evaluator(
        self, predictor: validation.Predictor, labels: SceneClasses | None = None
    ) -> validation.Evaluator:
        """Computes the metrics of a predictor of the tasks and, with it, of labels."""
        run = self.settings.run
        size, eagerly = run.evaluation_batch_size, run.run_eagerly
        return validation.Evaluator(
            predictor, self.tasks, size, labels, eagerly=eagerly
        )
