"""Generated files that stand in for those of data sets that one has to fetch."""

import pathlib
import shutil

from etils import epy

with epy.lazy_imports():
    from datasets import generated

FOLDER = "generated"
_FILES, _DRAFT = "files", ".incomplete"


def folder(dataset: str, data_dir: pathlib.Path) -> pathlib.Path:
    """Returns the folder of a data set's generated files, which it writes if need be.

    Args:
      dataset: a name of `datasets.BUILDERS`.
      data_dir: the folder below which such files are kept.
    """
    files = data_dir / _FILES / dataset
    if not files.exists():
        # Whole or not at all.
        draft = data_dir / _FILES / f"{dataset}{_DRAFT}"
        shutil.rmtree(draft, ignore_errors=True)
        print(f"Making up files of {dataset} in {files}.", flush=True)
        generated.write(dataset, draft)
        draft.rename(files)
    return files


def can_generate(dataset: str) -> bool:
    """Returns whether the files of a data set can be generated."""
    return dataset in generated.GENERATORS
