"""What a run takes from other runs: first weights, generators, an oracle."""

import pathlib
from collections.abc import Callable, Mapping, Sequence

import keras

from mgm_tf.config import options, saved
from mgm_tf.config.settings import Config, SourceConfig
from mgm_tf.networks.pretrained import Annotator, Synthesizer
from mgm_tf.networks.sharing import SHARING
from mgm_tf.train.checkpoints import Checkpoints

# The experiment of a folder's settings; given, as what makes it stands above.
Make = Callable[[Config], "object"]


def trained(folder: str, make: Callable, needed: Sequence[str]):
    """The experiment of a finished run, with its best weights.

    Args:
      folder: of the run.
      make: (settings) -> the experiment.
      needed: networks that it must have trained.

    Raises:
      FileNotFoundError: there is no run in the folder, or no checkpoint of it.
      ValueError: it has not trained what is needed.
    """
    workdir = pathlib.Path(folder)
    source = make(saved.load(workdir))
    missing = [name for name in needed if name not in source.networks]
    if missing:
        raise ValueError(
            f"{folder}: the run has no {', '.join(missing)}; expected one that trains "
            f"{', '.join(needed)}."
        )
    Checkpoints(workdir, source.networks).restore("best")
    return source


def start(networks: Mapping[str, keras.Model], settings: Config, tasks, make) -> None:
    """Gives E and the decoders the weights of the runs that --start_from names.

    A task takes them from the run that has it. One run alone also gives its encoder to
    tasks that it does not have, whose decoders begin anew.

    Raises:
      ValueError: no run has a task, several have it, or their networks differ.
    """
    folders = settings.source.start_from
    if not folders:
        return
    found = {
        folder: trained(folder, make, ("encoder", "decoders")) for folder in folders
    }
    core_of = SHARING[settings.network.sharing].core
    for task in tasks:
        folder = _folder_of(task, found)
        source = found[folder]
        own = core_of(networks, task)
        names = [each.name for each in source.tasks]
        theirs = SHARING[source.settings.network.sharing].core(
            source.networks, task if task in names else names[0]
        )
        _copy(theirs.encoder, own.encoder, f"{folder}: the encoder")
        if task in names:
            _copy(theirs.decoder, own.decoder, f"{folder}: the decoder of {task}")


def _folder_of(task: str, found: Mapping) -> str:
    holders = [
        folder
        for folder, source in found.items()
        if task in [each.name for each in source.tasks]
    ]
    if not holders and len(found) == 1:
        return next(iter(found))
    if len(holders) != 1:
        raise ValueError(
            f"--start_from={','.join(found)}: expected one run that has learned "
            f"{task}, found {len(holders)}."
        )
    return holders[0]


def _copy(source: keras.Layer, target: keras.Layer, what: str) -> None:
    theirs, own = source.get_weights(), target.get_weights()
    if [w.shape for w in theirs] != [w.shape for w in own]:
        raise ValueError(
            f"{what} is of another form than that of this run; --encoder, "
            "--encoder_widths, --output_stride, --decoder and --width must be the same."
        )
    target.set_weights(theirs)


def helpers(source: SourceConfig, image_size: int, tasks, make) -> dict:
    """The networks of other runs that the images of this one are made by, by name.

    Raises:
      ValueError: a run does not have what is needed, or makes images of another size.
    """
    found: dict[str, keras.Model] = {}
    for number, folder in enumerate(source.generators_from):
        run = trained(folder, make, ("encoder", "generator"))
        _check_size(run, image_size, folder)
        found[f"synthesizer_{number + 1}"] = Synthesizer(
            run.networks["encoder"],
            run.networks.get("embedding"),
            run.networks["generator"],
        )
    if source.oracle:
        run = trained(source.oracle, make, ("encoder", "decoders"))
        _check_size(run, image_size, source.oracle)
        known = {task.name for task in run.tasks}
        missing = [task for task in tasks if task not in known]
        if missing:
            raise ValueError(
                f"--oracle={source.oracle} has not learned {', '.join(missing)}."
            )
        found["oracle"] = Annotator(run.networks["encoder"], run.networks["decoders"])
    return found


def _check_size(run, image_size: int, folder: str) -> None:
    size = run.data.info.image_size
    if size != image_size:
        raise ValueError(
            f"{folder}: a run on images of {size} pixels; this one has {image_size}."
        )


def names(source: SourceConfig) -> tuple[str, ...]:
    """The names of the networks that synthesize."""
    return tuple(f"synthesizer_{n + 1}" for n in range(len(source.generators_from)))


def told(source: SourceConfig) -> list[dict]:
    """Of each run that is taken from: the flag, its name and its settings, JSON values.

    Raises:
      FileNotFoundError: there is no run in a folder.
    """
    asked = [
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
        for flag, folder in asked
    ]
