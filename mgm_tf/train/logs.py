"""The log of a run: TensorBoard, and the same scalars as lines of JSON."""

import json
import math
import pathlib
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf


class Log:
    """The scalars and pictures of a run, by step.

    A line of `metrics.jsonl` is an object with `step`, `stage`, `time` (seconds since
    1970) and the scalars by name. A resumed run appends to the same files.
    """

    def __init__(self, workdir: pathlib.Path):
        self._path = workdir / "metrics.jsonl"
        self._writer = tf.summary.create_file_writer(str(workdir / "tensorboard"))

    def scalars(self, step: int, stage: str, values: Mapping[str, float]) -> None:
        """Writes scalars to both; one that is not finite is null in JSON."""
        # JSON has no NaN, which a metric without labels is.
        self._append(
            step, stage, {k: v if math.isfinite(v) else None for k, v in values.items()}
        )
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def event(self, step: int, stage: str, name: str) -> None:
        """Writes a line that says what happened, for one `resumed` or `finished`."""
        self._append(step, stage, {"event": name})

    def _append(self, step: int, stage: str, entries: Mapping[str, Any]) -> None:
        record = {"step": step, "stage": stage, "time": round(time.time(), 3)}
        with self._path.open("a") as file:
            file.write(json.dumps(record | dict(entries)) + "\n")

    def picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Writes a picture, uint8 [H, W, 3], to TensorBoard."""
        with self._writer.as_default(step):
            tf.summary.image(name, picture[None], max_outputs=1)

    def text(self, step: int, name: str, text: str) -> None:
        """Writes a text to TensorBoard."""
        with self._writer.as_default(step):
            tf.summary.text(name, text)

    def flush(self) -> None:
        """Makes everything that is written visible to other programs."""
        self._writer.flush()


def read(workdir: pathlib.Path) -> list[dict[str, Any]]:
    """Reads the lines of `metrics.jsonl` in the folder of a run."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
