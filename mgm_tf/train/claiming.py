"""A run claims its folder, before anything is trained."""

import pathlib

from mgm_tf.config import saved
from mgm_tf.data import audit, dataset
from mgm_tf.train import other_runs, provenance
from mgm_tf.train.experiment import Experiment

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
        changed = saved.differences(saved.load(workdir), settings)
        if changed:
            raise ValueError(
                f"{workdir} holds a run with other settings; continue it with the same "
                "ones, or take another --workdir.\n  " + "\n  ".join(changed)
            )
    experiment.stages  # noqa: B018 - builds the data, and is refused if impossible
    if is_new:
        data = experiment.data
        audit.check(
            {dataset.TRAIN: data.train, dataset.VALIDATION: data.validation},
            refuse=REFUSES[settings.data.check_data],
        )
    record = provenance.collect(experiment.data.builder)
    provenance.note(workdir, record | {"sources": other_runs.records(settings.source)})
    saved.save(settings, workdir)
