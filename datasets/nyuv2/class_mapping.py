"""Reads `classMapping40.mat`, for who wants the table from its source."""

import pathlib

import numpy as np
import scipy.io

from datasets.files import regular
from datasets.nyuv2 import classes


def read_class_table(path: pathlib.Path, names: list[str]) -> np.ndarray:
    """Returns the class of each label id as `classes.class_table` does, from the file.

    Args:
      path: of `classMapping40.mat` (Gupta et al., 2013).
      names: the names of the label ids 1, 2, … of the labelled frames.

    Raises:
      ValueError: the file cannot be read, or is about other names.
    """
    regular.check(path)
    try:
        record = scipy.io.loadmat(path)
        numbers = record["mapClass"].ravel().astype(int)
        mapped = [str(name[0]) for name in record["allClassName"].ravel()]
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise ValueError(
            f"{path}: expected a MATLAB file with mapClass and allClassName, found "
            f"{error!r}. Without this file the built-in table is used."
        ) from error
    if mapped != list(names) or len(numbers) != len(names):
        raise ValueError(
            f"{path}: maps {len(numbers)} of {len(mapped)} names, but the labelled "
            f"frames have {len(names)} names, and these lists must be the same. "
            "Without this file the built-in table is used."
        )
    if numbers.min() < 1 or numbers.max() > len(classes.CLASS_NAMES):
        raise ValueError(
            f"{path}: expected classes 1..{len(classes.CLASS_NAMES)} in mapClass, "
            f"found {numbers.min()}..{numbers.max()}."
        )
    return np.array([classes.UNLABELLED, *(numbers - 1)], np.uint8)
