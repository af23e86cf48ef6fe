"""The log of a run: TensorBoard, and the same scalars as lines of JSON."""

import contextlib
import math
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import numpy as np
import tensorflow as tf

from mgm_tf.files import lines, tensorflow_files, whole

FILE = "metrics.jsonl"
FINISHED = "finished"  # the last event of a run

Result = TypeVar("Result")


class Log:
    """The scalars and pictures of a run, by step.

    A line of `metrics.jsonl` is an object with `step`, `stage`, `time` (seconds since
    1970) and the scalars by name. A resumed run appends to the same files.

    Attributes:
      folder: the folder of TensorBoard's files.

    Raises:
      NotWritten: something cannot be written.
    """

    def __init__(self, workdir: pathlib.Path):
        self._path = workdir / FILE
        self.folder = workdir / "tensorboard"
        self._writer = self._written(
            lambda: tf.summary.create_file_writer(str(self.folder))
        )

    def scalars(self, step: int, stage: str, values: Mapping[str, float]) -> None:
        """Writes scalars to both; one that is not finite is null in JSON."""
        # JSON has no NaN, which a metric without labels is.
        self._append(
            step, stage, {k: v if math.isfinite(v) else None for k, v in values.items()}
        )
        self.curves(step, values)

    def curves(self, step: int, values: Mapping[str, float]) -> None:
        """Writes scalars to TensorBoard alone."""
        with self._tensorboard(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def event(self, step: int, stage: str, name: str, **details: Any) -> None:
        """Writes a line that says what happened.

        Args:
          step: the number of steps done.
          stage: the name of the stage.
          name: `resumed`, `interrupted`, `damaged`, `recovered`, `warning`, `overhead`,
            `finished`.
          **details: further JSON values, such as `text`.
        """
        self._append(step, stage, {"event": name, **details})

    def rewind(self, step: int) -> None:
        """Removes the lines of later steps, which are taken again."""
        lines.rewind(self._path, lambda record: record.get("step", 0) <= step)

    def _append(self, step: int, stage: str, entries: Mapping[str, Any]) -> None:
        record = {"step": step, "stage": stage, "time": round(time.time(), 3)}
        lines.append(self._path, record | dict(entries))

    def picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Writes a picture, uint8 [H, W, 3], to TensorBoard."""
        with self._tensorboard(step):
            tf.summary.image(name, picture[None], max_outputs=1)

    def text(self, step: int, name: str, text: str) -> None:
        """Writes a text to TensorBoard."""
        with self._tensorboard(step):
            tf.summary.text(name, text)

    @contextlib.contextmanager
    def _tensorboard(self, step: int) -> Iterator[None]:
        with (
            whole.explained(self.folder / "events"),
            tensorflow_files.as_os_errors(),
            self._writer.as_default(step),
        ):
            yield

    def flush(self) -> None:
        """Makes everything that is written visible to other programs."""
        self._written(self._writer.flush)

    def _written(self, write: Callable[[], Result]) -> Result:
        def act() -> Result:
            with tensorflow_files.as_os_errors():
                return write()

        return whole.retried(self.folder / "events", act)


def is_finished(workdir: pathlib.Path) -> bool:
    """Returns whether the log of a run says that it is."""
    events = {record.get("event") for record in lines.readable(workdir / FILE)}
    return FINISHED in events


def read(workdir: pathlib.Path) -> list[dict[str, Any]]:
    """Reads the lines of `metrics.jsonl` in the folder of a run.

    Raises:
      DamagedFile: a line is no object of JSON.
    """
    return lines.read(workdir / FILE, remedy="Going on with the training mends it.")
