"""A training run: claims its folder, then trains the stages, from where it stopped."""

import pathlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import tensorflow as tf

from mgm_tf import networks
from mgm_tf.config import saved
from mgm_tf.data import audit, dataset
from mgm_tf.errors import Interrupted
from mgm_tf.method.algorithm import MULTI_TASK_NETWORK
from mgm_tf.tasks.metrics_version import METRICS_VERSION
from mgm_tf.train import (
    callbacks,
    costs,
    other_runs,
    pictures,
    pretrained_encoder,
    provenance,
    validation,
)
from mgm_tf.train.checkpoints import BEST_OF_STAGE, Best, Checkpoints
from mgm_tf.train.experiment import Experiment, StageTraining
from mgm_tf.train.logs import Log

PANELS = 4  # validation examples whose predictions are shown
CHECK_DATA = {"refuse": True, "warn": False}  # whether nonsense is refused


def claim(experiment: Experiment, workdir: pathlib.Path) -> None:
    """Claims the folder for a run, or finds it to be this run's.

    Raises:
      ValueError: it is another run's, these settings cannot be, or the data are
        nonsense or not those that the run began with; the folder is as it was then.
    """
    settings = experiment.settings
    is_new = not (workdir / "config.json").exists()
    if not is_new:
        differences = saved.differences(saved.load(workdir), settings)
        if differences:
            raise ValueError(
                f"{workdir} holds a run with other settings; continue it with the same "
                "ones, or take another --workdir.\n  " + "\n  ".join(differences)
            )
    elif settings.source.pretrained:
        # Before the data are built, which may take hours.
        pretrained_encoder.initialize(experiment.networks, settings)
    experiment.stages  # noqa: B018 - builds the data, and is refused if impossible
    if is_new:
        data = experiment.data
        audit.check(
            {dataset.TRAIN: data.train, dataset.VALIDATION: data.validation},
            refuse=CHECK_DATA[settings.data.check_data],
        )
    record = provenance.collect(experiment.data.builder)
    record |= pretrained_encoder.record(settings.source, provenance.read(workdir))
    provenance.note(workdir, record | {"sources": other_runs.records(settings.source)})
    saved.save(settings, workdir)


def train(experiment: Experiment, workdir: pathlib.Path) -> None:
    """Trains all stages; steps that are done already are not done again.

    Everything that a step depends on is in the last checkpoint or a function of (seed,
    step), so that a run that was interrupted ends as if it had not been.

    Raises:
      Interrupted: a signal came; the same command goes on from there.
      NotFinite: a loss is NaN or infinite.
    """
    checkpoints = Checkpoints(workdir, experiment.networks)
    done = checkpoints.last_step()
    total = sum(stage.steps for stage in experiment.stages)
    if done >= total:
        print(f"{workdir} is trained: {done} of {total} steps are done.")
        return
    log = Log(workdir)
    log.text(done, "settings", f"```\n{saved.as_flagfile(experiment.settings)}```")
    baseline = experiment.evaluate_constant_predictor("validation", workdir)
    if not done:
        experiment.start()
    run_costs = costs.RunCosts(workdir)
    run_costs.record_parameters(networks.parameter_counts(experiment.networks))
    with callbacks.Interruption() as interruption:
        for stage in experiment.stages:
            if done < stage.end:
                training = experiment.stage_training(stage, workdir)
                run = StageRun(
                    experiment, training, checkpoints, log, baseline, run_costs
                )
                run(max(done, stage.begin), interruption)
    log.event(total, experiment.stages[-1].name, "finished")
    log.flush()
    print(f"Trained. Next: python -m mgm_tf.evaluate --workdir={workdir}")


class StageRun:
    """One stage of a run: `fit`, and what happens around it."""

    def __init__(
        self,
        experiment: Experiment,
        training: StageTraining,
        checkpoints: Checkpoints,
        log: Log,
        baseline: validation.Metrics,
        run_costs: costs.RunCosts,
    ) -> None:
        """Prepares a stage.

        Args:
          experiment: the experiment of the run.
          training: the stage, its model, optimizers, reader and batches.
          checkpoints: where the weights are kept.
          log: where scalars and pictures go.
          baseline: the metrics of the constant predictor.
          run_costs: where time and operations are noted.
        """
        self._experiment = experiment
        self._training = training
        self._stage = training.stage
        self._run_costs = run_costs
        self._checkpoints = checkpoints
        self._log = log
        self._baseline = baseline
        self._model = training.model

    def __call__(self, done: int, interruption: callbacks.Interruption) -> None:
        """Trains from step `done` of the run to the stage's end."""
        self._resume(done)
        # Only now: labels may be made of what the networks have learned.
        self._batches = self._training.read_batches()
        stage, settings = self._stage, self._experiment.settings.run
        end = stage.end
        progress = callbacks.Progress(self._title(), done - stage.begin, stage.steps)
        self._scalars = callbacks.Scalars(
            self._log,
            self._model,
            stage.name,
            stage.batch_size,
            self._learning_rates,
            progress.show,
            done,
            self._run_costs,
        )
        acts: dict[str, Callable[[int], None]] = {
            "log_every": self._scalars,
            "evaluate_every": self._validate,
            "picture_every": self._draw,
            "checkpoint_every": self._save,
        }
        periodic = [
            callbacks.EverySteps(every, act, done, end)
            for name, act in acts.items()
            if (every := getattr(settings, name))
        ]
        self._model.fit(
            self._dataset(done),
            steps_per_epoch=end - done,
            verbose=0,
            shuffle=False,
            callbacks=[progress, *periodic, interruption],
        )
        progress.close()
        if interruption.requested:
            self._stop(done + progress.done)

    def _title(self) -> str:
        names = [stage.name for stage in self._experiment.stages]
        place = names.index(self._stage.name) + 1
        return f"stage {place}/{len(names)} {self._stage.name}"

    def _learning_rates(self, step: int) -> dict[str, float]:
        """Returns the learning rates with which a step of the run was taken."""
        stage = self._stage
        done = tf.constant((step - 1 - stage.begin) / stage.steps)
        scale = float(stage.rate_schedule(done))
        return {
            f"learning_rate/{name}": scale
            * float(tf.convert_to_tensor(optimizer.learning_rate))
            for name, optimizer in self._training.optimizers.items()
        }

    def _dataset(self, done: int) -> tf.data.Dataset:
        options = tf.data.Options()
        # One host: the batches are split over its devices, not the files over hosts.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
        steps = self._stage.end - done
        return self._batches.from_step(done).take(steps).with_options(options)

    def _resume(self, done: int) -> None:
        within = done > self._stage.begin
        if done:
            self._checkpoints.restore_last(
                self._training.optimizers if within else None
            )
        if self._stage.restarts and not within:
            self._experiment.restart()
        if within:
            self._log.event(done, self._stage.name, "resumed")
            print(f"Going on after step {done}, in stage {self._stage.name}.")

    def _stop(self, step: int) -> None:
        self._scalars(step)
        self._save(step)
        self._log.event(step, self._stage.name, "interrupted")
        self._log.flush()
        raise Interrupted(
            f"Stopped after step {step}; the same command goes on from there."
        )

    def _trains(self, *names: str) -> bool:
        """Returns whether one of these networks changes."""
        return not self._stage.trains.isdisjoint(names)

    def _test_time(self, step: int) -> AbstractContextManager[None]:
        return self._experiment.test_time((self._stage.name, step))

    def _validate(self, step: int) -> None:
        if not self._trains(*MULTI_TASK_NETWORK):
            return
        with self._scalars.paused(), self._test_time(step):
            experiment = self._experiment
            metrics = experiment.evaluate(experiment.data.validation)
            score = validation.score(metrics, self._baseline, experiment.tasks)
            values = {f"validation/{k}": v for k, v in validation.flat(metrics).items()}
            values["validation/score"] = score
            self._log.scalars(step, self._stage.name, values)
            self._keep_best(Best(step, self._stage.name, score, METRICS_VERSION))

    def _keep_best(self, best: Best) -> None:
        stages = self._experiment.stages
        restarts = [s.begin for s in stages if s.restarts and s.begin < best.step]
        self._checkpoints.keep_best(best, since=max(restarts, default=0))
        of_stage = BEST_OF_STAGE.get(best.stage)
        if of_stage is not None:
            self._checkpoints.keep_best(best, self._stage.begin, of_stage)

    def _save(self, step: int) -> None:
        self._run_costs.record_flops(self._stage.name, self._model.step_graph)
        self._run_costs.record_statistics(self._experiment.test_time.seconds)
        self._run_costs.save()
        # Never a state that has gone wrong over one that has not.
        callbacks.checked_losses(self._model, self._stage.name, step)
        callbacks.check_weights(self._experiment.networks, self._stage.name, step)
        self._checkpoints.save_last(step, self._training.optimizers)
        self._log.flush()

    def _draw(self, step: int) -> None:
        experiment = self._experiment
        trained, reader = experiment.networks, self._training.reader
        with self._scalars.paused():
            if self._trains(*MULTI_TASK_NETWORK):
                with self._test_time(step):
                    self._draw_predictions(step)
            if self._trains("generator"):
                split = self._batches.split
                samples = pictures.Samples(reader, split)
                with experiment.test_time.sampling(reader, split) as networks:
                    drawn = samples(networks, experiment.method.generate.latent)
                self._log.picture(step, "generated", drawn)
            if self._trains("projector"):
                views = pictures.views(self._batches, reader, step - 1)
                self._log.picture(step, "simclr_views", views)
            if self._trains("reconstructor"):
                with self._test_time(step):
                    reconstructions = pictures.reconstructions(
                        trained, experiment.data.validation
                    )
                self._log.picture(step, "reconstructions", reconstructions)

    def _draw_predictions(self, step: int) -> None:
        experiment = self._experiment
        split = experiment.data.validation
        numbers = tuple(range(min(PANELS, len(split))))
        shown = pictures.prediction_panels(
            experiment.networks, split, experiment.tasks, numbers
        )
        for number, panel in zip(numbers, shown, strict=True):
            self._log.picture(step, f"predictions/{number}", panel)
