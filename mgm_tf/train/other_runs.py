"""What a run takes from other runs: first weights, generators, an oracle."""

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import keras

from mgm_tf.config import options, saved
from mgm_tf.config.settings import Config, SourceConfig
from mgm_tf.data.dataset import DataSet
from mgm_tf.networks.pretrained import Annotator, Synthesizer
from mgm_tf.networks.sharing import SHARING
from mgm_tf.tasks.dense import Task
from mgm_tf.train import composition
from mgm_tf.train.checkpoints import Checkpoints


class Run(Protocol):
    """The parts of another run's `Experiment` that are read here."""

    @property
    def settings(self) -> Config:
        """The settings of the run."""

    @property
    def data(self) -> DataSet:
        """The examples of the run."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that the run has learned."""

    @property
    def networks(self) -> dict[str, keras.Model]:
        """The networks of the run, by name."""


# `Experiment` itself, which imports this module.
MakeRun = Callable[[Config], Run]


def load(folder: str, make: MakeRun, needed: Sequence[str]) -> Run:
    """Loads a finished run with its best weights.

    Args:
      folder: the folder of the run.
      make: makes the run of its settings.
      needed: the networks that the run must have trained.

    Raises:
      FileNotFoundError: there is no run in the folder, or no checkpoint of it.
      ValueError: the run has not trained what is needed.
    """
    workdir = pathlib.Path(folder)
    run = make(saved.load(workdir))
    missing = [name for name in needed if name not in run.networks]
    if missing:
        raise ValueError(
            f"{folder}: the run has no {', '.join(missing)}; expected one that trains "
            f"{', '.join(needed)}."
        )
    Checkpoints(workdir, run.networks).restore("best")
    return run


def initialize(
    networks: Mapping[str, keras.Model],
    settings: Config,
    tasks: Sequence[str],
    make: MakeRun,
) -> None:
    """Gives E and the decoders the weights of the runs that --start_from names.

    A task takes them from the run that has learned it. A single run also gives its
    encoder to tasks that it has not learned, whose decoders begin anew.

    Args:
      networks: the networks that are given the weights, by name.
      settings: the settings of the run that begins.
      tasks: the names of its tasks.
      make: makes another run of its settings.

    Raises:
      ValueError: no run has learned a task, several have, or the networks differ.
    """
    folders = settings.source.start_from
    if not folders:
        return
    runs = {folder: load(folder, make, ("encoder", "decoders")) for folder in folders}
    core_of = SHARING[settings.network.sharing].core
    for task in tasks:
        folder = _folder_of(task, runs)
        source = runs[folder]
        own = core_of(networks, task)
        source_tasks = [each.name for each in source.tasks]
        is_learned = task in source_tasks
        _check_form(source.settings, settings, folder)
        theirs = SHARING[source.settings.network.sharing].core(
            source.networks, task if is_learned else source_tasks[0]
        )
        _copy(theirs.encoder, own.encoder, f"{folder}: the encoder")
        if is_learned:
            _copy(theirs.decoder, own.decoder, f"{folder}: the decoder of {task}")


def _folder_of(task: str, runs: Mapping[str, Run]) -> str:
    """Returns the folder of the run that a task takes its weights from."""
    folders = [
        folder
        for folder, run in runs.items()
        if task in [each.name for each in run.tasks]
    ]
    if not folders and len(runs) == 1:
        return next(iter(runs))
    if len(folders) != 1:
        raise ValueError(
            f"--start_from={','.join(runs)}: expected one run that has learned "
            f"{task}, found {len(folders)}."
        )
    return folders[0]


def _check_form(theirs: Config, own: Config, folder: str) -> None:
    """Refuses an encoder whose weights take for granted what this one's do not."""
    form = composition.encoder_form(theirs)
    if form != composition.encoder_form(own):
        raise ValueError(
            f"{folder}: the encoder is of --encoder_form={form}, that of this run of "
            f"{composition.encoder_form(own)}; say --encoder_form={form}."
        )


def _copy(source: keras.Layer, target: keras.Layer, description: str) -> None:
    theirs, own = source.get_weights(), target.get_weights()
    if [w.shape for w in theirs] != [w.shape for w in own]:
        raise ValueError(
            f"{description} is of another form than that of this run; --encoder, "
            "--encoder_widths, --output_stride, --decoder and --width must be the same."
        )
    target.set_weights(theirs)


def helpers(
    source: SourceConfig, image_size: int, tasks: Sequence[str], make: MakeRun
) -> dict[str, keras.Model]:
    """Loads the networks of other runs that make the images of this one, by name.

    Raises:
      ValueError: a run lacks what is needed, or makes images of another size.
    """
    networks: dict[str, keras.Model] = {}
    names = synthesizer_names(source)
    for name, folder in zip(names, source.generators_from, strict=True):
        run = load(folder, make, ("encoder", "generator"))
        _check_size(run, image_size, folder)
        networks[name] = Synthesizer(
            run.networks["encoder"],
            run.networks.get("embedding"),
            run.networks["generator"],
        )
    if source.oracle:
        run = load(source.oracle, make, ("encoder", "decoders"))
        _check_size(run, image_size, source.oracle)
        learned = {task.name for task in run.tasks}
        missing = [task for task in tasks if task not in learned]
        if missing:
            raise ValueError(
                f"--oracle={source.oracle} has not learned {', '.join(missing)}."
            )
        networks["oracle"] = Annotator(
            run.networks["encoder"], run.networks["decoders"]
        )
    return networks


def _check_size(run: Run, image_size: int, folder: str) -> None:
    size = run.data.info.image_size
    if size != image_size:
        raise ValueError(
            f"{folder}: a run on images of {size} pixels; this one has {image_size}."
        )


def synthesizer_names(source: SourceConfig) -> tuple[str, ...]:
    """Returns the names of the networks of other runs that synthesize images."""
    return tuple(f"synthesizer_{n + 1}" for n in range(len(source.generators_from)))


def records(source: SourceConfig) -> list[dict[str, Any]]:
    """Describes the runs that are taken from: the flag, the name and the settings.

    Returns:
      A record of JSON values for each of the runs.

    Raises:
      FileNotFoundError: there is no run in a folder.
    """
    folders = [
        (flag, folder)
        for flag, value in vars(source).items()
        if options.leaves(SourceConfig)[flag].metadata["folder"]
        for folder in ([value] if isinstance(value, str) else value)
        if folder
    ]
    return [
        {
            "flag": flag,
            "name": pathlib.Path(folder).name,
            "settings": options.settings(saved.load(pathlib.Path(folder))),
        }
        for flag, folder in folders
    ]
