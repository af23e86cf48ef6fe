"""Made-up files of the data sets that one has to fetch, to try experiments without."""

import pathlib
import shutil

from datasets import generated

FOLDER = "generated"
_FILES, _DRAFT = "files", ".incomplete"


def folder(dataset: str, data_dir: pathlib.Path) -> pathlib.Path:
    """The folder of a data set's made-up files, which are written if need be.

    Args:
      dataset: a name of `datasets.BUILDERS`.
      data_dir: below which they are kept.
    """
    wanted = data_dir / _FILES / dataset
    if not wanted.exists():
        # Whole or not at all.
        draft = data_dir / _FILES / f"{dataset}{_DRAFT}"
        shutil.rmtree(draft, ignore_errors=True)
        print(f"Making up files of {dataset} in {wanted}.", flush=True)
        generated.write(dataset, draft)
        draft.rename(wanted)
    return wanted


def can_be_made(dataset: str) -> bool:
    """Whether a data set is read from files that can be made up."""
    return dataset in generated.GENERATORS
