"""A run claims its folder, before anything is trained."""

import pathlib

from mgm_tf import audit, data_set, provenance, records, sources
from mgm_tf.experiment import Experiment

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
    record = provenance.of(experiment.data.builder)
    provenance.note(workdir, record | {"sources": sources.told(settings.source)})
    records.save(settings, workdir)
