"""One stage of a run: `fit`, and what happens around it."""

import contextlib
import dataclasses
import functools
import pathlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import keras
import tensorflow as tf

from mgm_tf.config.options import StepRange
from mgm_tf.errors import Interrupted
from mgm_tf.method.algorithm import MULTI_TASK_NETWORK
from mgm_tf.method.stages import Stage
from mgm_tf.tasks.metrics_version import METRICS_VERSION
from mgm_tf.train import (
    callbacks,
    collapse,
    overhead,
    pictures,
    profiling,
    run_folder,
    validation,
    workers,
)
from mgm_tf.train.checkpoints import BEST_OF_STAGE, Best, Checkpoints
from mgm_tf.train.costs import RunCosts
from mgm_tf.train.experiment import Experiment
from mgm_tf.train.logs import Log

PANELS = 4  # validation examples whose predictions are shown


@dataclasses.dataclass
class Run:
    """What a run has in all its stages.

    Attributes:
      experiment: the experiment of the run.
      workdir: its folder.
      checkpoints: where the weights are kept.
      log: where scalars and pictures go.
      baseline: the metrics of the constant predictor.
      costs: where time and operations are noted.
      recoveries: how often it has diverged and gone back.
    """

    experiment: Experiment
    workdir: pathlib.Path
    checkpoints: Checkpoints
    log: Log
    baseline: validation.Metrics
    costs: RunCosts
    recoveries: int = 0


class StageRun:
    """One stage of a run: `fit`, and what happens around it."""

    def __init__(self, run: Run, stage: Stage) -> None:
        """Prepares a stage of a run."""
        self._run = run
        self._experiment = run.experiment
        self._stage = stage.recovered(run.recoveries)
        self._training = run.experiment.stage_training(self._stage, run.workdir)
        self._run_costs = run.costs
        self._checkpoints = run.checkpoints
        self._log = run.log
        self._baseline = run.baseline
        self._model = self._training.model
        # What a step depends on besides the networks.
        self._kept = {
            **self._training.optimizers,
            **{f"loss_scale.{k}": v for k, v in self._model.loss_scales.items()},
        }
        self._adversaries = collapse.Adversaries()

    def __call__(self, done: int, interruption: callbacks.Interruption) -> None:
        """Trains from step `done` of the run to the stage's end."""
        self._resume(done)
        # Only now: labels may be made of what the networks have learned.
        self._batches = workers.chief_first(self._training.read_batches)
        stage, settings = self._stage, self._experiment.settings.run
        end = stage.end
        progress = callbacks.Progress(
            self._title(),
            done - stage.begin,
            stage.steps,
            shown=workers.is_chief(),
        )
        self._scalars = callbacks.Scalars(
            self._log,
            self._model,
            stage.name,
            stage.batch_size,
            self._rates,
            progress.show,
            done,
            self._run_costs,
        )
        acts: dict[str, Callable[[int], None]] = {
            "log_every": self._write_scalars,
            "evaluate_every": self._validate,
            "picture_every": self._draw,
            "checkpoint_every": self._save,
        }
        periodic: list[keras.callbacks.Callback] = [
            callbacks.EverySteps(every, act, done, end)
            for name, act in acts.items()
            if (every := getattr(settings, name))
        ]
        if settings.profile and workers.is_chief():
            steps = StepRange.parse(settings.profile)
            periodic.insert(0, profiling.Profile(self._log.folder, steps, done))
        self._overhead = overhead.Overhead(settings.overhead_budget)
        self._model.fit(
            self._dataset(done),
            steps_per_epoch=end - done,
            verbose=0,
            shuffle=False,
            callbacks=[interruption.first, progress, *periodic, interruption],
        )
        progress.close()
        self._account(done + progress.done)
        if interruption.requested:
            self._stop(done + progress.done)

    def _title(self) -> str:
        names = [stage.name for stage in self._experiment.stages]
        place = names.index(self._stage.name) + 1
        return f"stage {place}/{len(names)} {self._stage.name}"

    def _rates(self, step: int) -> dict[str, float]:
        """Returns the learning rates with which a step was taken, and loss scales."""
        stage = self._stage
        done = tf.constant((step - 1 - stage.begin) / stage.steps)
        scale = float(stage.rate_schedule(done))
        rates = {
            f"learning_rate/{name}": scale
            * float(tf.convert_to_tensor(optimizer.learning_rate))
            for name, optimizer in self._training.optimizers.items()
        }
        scales = self._model.loss_scales.items()
        return rates | {f"loss_scale/{name}": float(s.factor) for name, s in scales}

    def _dataset(self, done: int) -> tf.data.Dataset | tf.distribute.DistributedDataset:
        if workers.number() > 1:
            return workers.distributed(functools.partial(self._batches.from_step, done))
        options = tf.data.Options()
        # One host: the batches are split over its devices, not the files over hosts.
        options.experimental_distribute.auto_shard_policy = (
            tf.data.experimental.AutoShardPolicy.OFF
        )
        steps = self._stage.end - done
        return self._batches.from_step(done).take(steps).with_options(options)

    def _resume(self, done: int) -> None:
        within = done > self._stage.begin
        workers.wait()  # until what is read is written
        self._checkpoints.restore_last(self._kept if within else None)
        if self._stage.restarts and not within:
            self._experiment.restart()
        if within:
            self._log.event(done, self._stage.name, "resumed")
            print(f"Going on after step {done}, in stage {self._stage.name}.")

    def _write_scalars(self, step: int) -> None:
        self._model.watch.check(self._stage.name)
        means = {metric.name: float(metric.result()) for metric in self._model.metrics}
        if step > self._scalars.step:
            self._warn(step, self._adversaries(means))
        self._scalars(step)

    def _warn(self, step: int, words: str) -> None:
        if words:
            print(f"Step {step}: {words}", flush=True)
            self._log.event(step, self._stage.name, "warning", text=words)

    def _account(self, step: int) -> None:
        """Says what other things than steps have taken."""
        stage, shares = self._stage, self._overhead.shares()
        words = self._overhead.words(vars(self._experiment.settings.run), stage.steps)
        if workers.is_chief():
            print(f"Beside the steps of stage {stage.name}: {words}", flush=True)
        rounded = {what: round(share, 4) for what, share in shares.items()}
        self._log.event(step, stage.name, "overhead", text=words, **rounded)
        self._log.curves(step, {f"overhead/{k}": v for k, v in shares.items()})

    def _stop(self, step: int) -> None:
        self._write_scalars(step)
        self._save(step)
        self._log.event(step, self._stage.name, "interrupted")
        self._log.flush()
        raise Interrupted(
            f"Stopped after step {step}; the same command goes on from there."
        )

    def _trains(self, *names: str) -> bool:
        """Returns whether one of these networks changes."""
        return not self._stage.trains.isdisjoint(names)

    @contextlib.contextmanager
    def _aside(self, what: str) -> Iterator[None]:
        """Leaves the time inside the context out of the steps', and counts it."""
        with self._scalars.paused(), self._overhead.of(what):
            yield

    def _test_time(self, step: int) -> AbstractContextManager[None]:
        return self._experiment.test_time(
            (self._stage.name, self._stage.recoveries, step)
        )

    def _is_validated(self, step: int) -> bool:
        """Returns whether M has changed, or is at the end of a run that keeps it."""
        stages = self._experiment.stages
        is_kept = all(stage.trains.isdisjoint(MULTI_TASK_NETWORK) for stage in stages)
        is_end = is_kept and step == stages[-1].end
        return self._trains(*MULTI_TASK_NETWORK) or is_end

    def _validate(self, step: int) -> None:
        if not self._is_validated(step):
            return
        self._model.watch.check(self._stage.name)
        if not workers.is_chief():
            return
        with self._aside(overhead.EVALUATION), self._test_time(step):
            values, best = self._judged(step)
            self._log.scalars(step, self._stage.name, values)
            self._keep_best(best)

    def judge(self, step: int) -> None:
        """Keeps the last state as the best: that of a trained run is lost."""
        self._checkpoints.restore_last()
        if not workers.is_chief():
            return
        with self._test_time(step):
            self._keep_best(self._judged(step)[1])

    def _judged(self, step: int) -> tuple[dict[str, float], Best]:
        """Returns the scalars of a validation, and what is kept of it."""
        experiment = self._experiment
        metrics = experiment.evaluate(experiment.data.validation)
        score = validation.score(metrics, self._baseline, experiment.tasks)
        values = {f"validation/{k}": v for k, v in validation.flat(metrics).items()}
        values["validation/score"] = score
        return values, Best(step, self._stage.name, score, METRICS_VERSION)

    def _keep_best(self, best: Best) -> None:
        stages = self._experiment.stages
        restarts = [s.begin for s in stages if s.restarts and s.begin < best.step]
        self._checkpoints.keep_best(best, since=max(restarts, default=0))
        of_stage = BEST_OF_STAGE.get(best.stage)
        if of_stage is not None:
            self._checkpoints.keep_best(best, self._stage.begin, of_stage)

    def _save(self, step: int) -> None:
        # Never a state that has gone wrong over one that has not.
        self._model.watch.check(self._stage.name)
        callbacks.checked_losses(self._model, self._stage.name, step)
        callbacks.check_weights(self._experiment.networks, self._stage.name, step)
        if workers.number() == 1:  # else a step's graph is that of a part of it
            self._run_costs.record_flops(self._stage.name, self._model.step_graph)
        self._run_costs.record_statistics(self._experiment.test_time.seconds)
        self._log.flush()
        record = {
            "costs": self._run_costs.record,
            "recoveries": self._run.recoveries,
            "beside": run_folder.beside(self._run.workdir),
        }
        with self._overhead.of(overhead.CHECKPOINTS):
            self._checkpoints.save_last(step, self._kept, record)
            self._run_costs.save()

    def _draw(self, step: int) -> None:
        experiment = self._experiment
        trained, reader = experiment.networks, self._training.reader
        # The last are there in any case.
        waits = self._overhead.is_exceeded() and step < self._stage.end
        if waits or not workers.is_chief():
            return
        with self._aside(overhead.PICTURES):
            if self._trains(*MULTI_TASK_NETWORK):
                with self._test_time(step):
                    self._draw_predictions(step)
            if self._trains("generator"):
                split = self._batches.split
                samples = pictures.Samples(reader, split)
                with experiment.test_time.sampling(reader, split) as networks:
                    drawn = samples.images(networks, experiment.method.generate.latent)
                self._warn(step, collapse.of_generator(drawn[1]))
                self._log.picture(step, "generated", samples.grid(*drawn))
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
