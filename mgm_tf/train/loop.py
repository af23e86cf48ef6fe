"""A training run: claims its folder, then trains the stages, from where it stopped."""

import pathlib

from mgm_tf import networks
from mgm_tf.config import options, saved
from mgm_tf.config.options import StepRange
from mgm_tf.config.settings import DataConfig
from mgm_tf.data import audit, dataset
from mgm_tf.errors import NotFinite
from mgm_tf.method.stages import Stage
from mgm_tf.train import (
    callbacks,
    costs,
    devices,
    logs,
    other_runs,
    pretrained_encoder,
    provenance,
    run_folder,
    workers,
)
from mgm_tf.train.checkpoints import Checkpoints, Resumption
from mgm_tf.train.experiment import Experiment
from mgm_tf.train.logs import Log
from mgm_tf.train.stage_run import Run, StageRun

NONE = -1  # no step
CHECK_DATA = {"refuse": True, "warn": False}  # whether nonsense is refused


def claim(experiment: Experiment, workdir: pathlib.Path, restart: bool = False) -> None:
    """Claims the folder for a run, or finds it to be this run's.

    Args:
      experiment: the experiment of the run.
      workdir: the folder.
      restart: whether to begin anew; what is in the folder is moved aside.

    Raises:
      ValueError: it is another run's, or one that cannot be gone on with, these
        settings cannot be, or the data are nonsense or not those that the run began
        with; the folder is as it was then.
    """
    if workers.number() == 1:
        _claim(experiment, workdir, restart)
        return
    _meet(experiment)
    workers.by_chief(lambda: _claim(experiment, workdir, restart))
    experiment.stages  # noqa: B018 - builds the data, where each worker has its own
    workers.check_alike(provenance.data(experiment.data.builder), "data")


def _meet(experiment: Experiment) -> None:
    """Makes what several workers have to make at once, of the same settings."""
    fields = options.leaves(DataConfig)
    values = options.settings(experiment.settings)
    # Where the data lie, and how they are read, is each worker's own affair.
    own = {name for name, field in fields.items() if field.metadata["may_change"]}
    workers.check_alike({k: v for k, v in values.items() if k not in own}, "flags")
    workers.chief_first(lambda: experiment.data.info)
    # The first weights of all are the chief's.
    experiment.networks, experiment.helpers  # noqa: B018


def _claim(experiment: Experiment, workdir: pathlib.Path, restart: bool) -> None:
    settings = experiment.settings
    is_new = restart or run_folder.check(workdir, settings)
    if is_new and settings.source.pretrained:
        # Before the data are built, which may take hours.
        pretrained_encoder.initialize(experiment.networks, settings)
    _check_profile(experiment)  # builds the data
    if is_new:
        data = experiment.data
        audit.check(
            {dataset.TRAIN: data.train, dataset.VALIDATION: data.validation},
            refuse=CHECK_DATA[settings.data.check_data],
        )
    record = provenance.collect(experiment.data.builder)
    record |= {"sources": other_runs.records(settings.source)}
    record |= {"precision": settings.run.precision}
    if not restart:
        provenance.check(workdir, record)
    elif workdir.is_dir() and (place := run_folder.move_aside(workdir)):
        print(f"What was in {workdir} is now in {place}.", flush=True)
    run_folder.sweep(workdir)
    if not is_new:
        _tell(run_folder.mend_lines(workdir))
    starts = provenance.read(workdir)
    record |= pretrained_encoder.record(settings.source, starts)
    saved.save(settings, workdir)
    provenance.note(workdir, record)


def _check_profile(experiment: Experiment) -> None:
    """Refuses a profile of steps that are none of the run's."""
    profile, steps = experiment.settings.run.profile, experiment.stages[-1].end
    if profile and StepRange.parse(profile).first > steps:
        raise ValueError(f"--profile={profile}: the run has {steps} steps.")


def train(experiment: Experiment, workdir: pathlib.Path) -> None:
    """Trains all stages; steps that are done already are not done again.

    Everything that a step depends on is in the last checkpoint or a function of (seed,
    step), so that a run that was interrupted ends as if it had not been.

    Raises:
      Interrupted: a signal came; the same command goes on from there.
      NotFinite: the run has diverged more often than it may.
      NotWritten: something cannot be written; the checkpoints are as they were.
      DamagedFile: there are checkpoints, and none is whole.
      WorkerLost: there are several workers, and the first has failed.
    """
    with workers.own_folder(workdir) as place:
        _train(experiment, workdir, place)


def _train(experiment: Experiment, workdir: pathlib.Path, place: pathlib.Path) -> None:
    """Trains the run in a folder; what is no checkpoint this worker writes to another.

    Args:
      experiment: the experiment of the run.
      workdir: the folder of the run.
      place: where this worker writes logs and costs.
    """
    settings = experiment.settings.run
    _tell(devices.notes(settings, provenance.processor()))
    checkpoints = Checkpoints(
        workdir,
        experiment.networks,
        settings.keep_last,
        settings.keep_every,
        run_folder.identity(workdir, experiment.settings),
        writes=workers.is_chief(),
    )
    found = _resumption(checkpoints)
    is_mended = bool(workers.of_chief(bool(found and found.notes)))
    is_finished = bool(workers.of_chief(logs.is_finished(workdir)))
    total = sum(stage.steps for stage in experiment.stages)
    done = (found.step if found else None) or 0
    if done == total:
        print(f"{workdir} is trained: {total} of {total} steps are done.")
        if is_finished and not is_mended:
            return
    run = _begun(experiment, workdir, place, checkpoints, found)
    if done == total and is_mended:
        StageRun(run, experiment.stages[-1]).judge(total)
    with callbacks.Interruption() as interruption:
        while done < total:
            try:
                done = _train_stage(run, done, interruption)
            except NotFinite as error:
                done = _gone_back(run, error)
    run.costs.save()
    if not logs.is_finished(place):
        run.log.event(total, experiment.stages[-1].name, logs.FINISHED)
    run.log.flush()
    print(f"Trained. Next: python -m mgm_tf.evaluate --workdir={workdir}")


def _resumption(checkpoints: Checkpoints) -> Resumption | None:
    """Returns what the run goes on from; to all workers it is what the chief finds."""
    found = workers.by_chief(checkpoints.resume)
    step = found.step if found else None
    step = workers.of_chief(NONE if step is None else step)
    return found if workers.is_chief() or step == NONE else checkpoints.follow(step)


def _begun(
    experiment: Experiment,
    workdir: pathlib.Path,
    place: pathlib.Path,
    checkpoints: Checkpoints,
    found: Resumption | None,
) -> Run:
    """Returns a run, with logs that are rewound to the state that was found."""
    step, record = (found.step, found.record) if found else (None, {})
    if step is None:
        # The first state of all: from now on there is always one to go back to.
        experiment.start()
        checkpoints.save_last(0, {})
    log = Log(place)
    log.rewind(step or 0)
    stage = _stage_at(experiment, step or 0)
    for note in found.notes if found else ():
        print(note, flush=True)
        log.event(step or 0, stage.name, "damaged", text=note)
    text = saved.as_flagfile(experiment.settings)
    log.text(step or 0, "settings", f"```\n{text}```")
    run_costs = costs.RunCosts(place, record.get("costs"))
    run_costs.record_parameters(networks.parameter_counts(experiment.networks))
    baseline = workers.by_chief(
        lambda: experiment.evaluate_constant_predictor("validation", workdir)
    )
    recoveries = record.get("recoveries", 0)
    return Run(
        experiment, workdir, checkpoints, log, baseline or {}, run_costs, recoveries
    )


def _train_stage(run: Run, done: int, interruption: callbacks.Interruption) -> int:
    """Trains the stage of the next step to its end; returns the steps done then."""
    stage = _stage_at(run.experiment, done)
    StageRun(run, stage)(done, interruption)
    return stage.end


def _stage_at(experiment: Experiment, done: int) -> Stage:
    """Returns the stage of the step that follows, or the last one."""
    stages = experiment.stages
    return next((stage for stage in stages if done < stage.end), stages[-1])


def _gone_back(run: Run, error: NotFinite) -> int:
    """Goes back to the last state after a divergence; returns its step.

    Raises:
      NotFinite: the run has gone back as often as it may.
    """
    most = run.experiment.settings.run.max_recoveries
    step = run.checkpoints.last_step()
    if run.recoveries >= most:
        tried = f" It has gone back {run.recoveries} times before." * bool(most)
        raise NotFinite(
            f"{error}{tried} The last checkpoint, of step {step}, is from before; a "
            "smaller learning rate or other data may help."
        ) from error
    found = _resumption(run.checkpoints)
    run.recoveries += 1
    run.log.rewind(step)
    run.costs = run.costs.at((found.record if found else {}).get("costs"))
    stage = _stage_at(run.experiment, step).recovered(run.recoveries)
    factor = stage.rate_schedule.factor
    text = (
        f"{error} Going back to step {step}, with other random numbers and {factor:g} "
        f"of the learning rates (recovery {run.recoveries} of {most})."
    )
    print(text, flush=True)
    run.log.event(
        step,
        stage.name,
        "recovered",
        text=text,
        recoveries=run.recoveries,
        rate_factor=factor,
    )
    return step


def _tell(notes: list[str]) -> None:
    for note in notes:
        print(note, flush=True)
