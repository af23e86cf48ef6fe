"""The error of a file that cannot be used."""

import os

from etils import epath

from datasets.files import names

Path = str | os.PathLike


class DamagedFile(ValueError):
    """A file that is truncated, unreadable or not of the expected form.

    Attributes:
      path: the path of the file.
      reason: what is wrong with the file.
    """

    def __init__(self, path: Path, reason: str):
        """Notes the file and the reason; `str(error)` is `PATH: REASON`."""
        # Both arguments are kept, so that the error can be pickled by Beam's workers.
        super().__init__(path, reason)
        self.path = epath.Path(path)
        self.reason = reason

    def __str__(self) -> str:
        return f"{names.shown(self.path)}: {self.reason}"
