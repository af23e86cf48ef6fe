"""What a run leaves to look at: TensorBoard, and the same scalars as JSON lines."""

import json
import math
import pathlib
import time
from collections.abc import Mapping

import numpy as np
import tensorflow as tf


class Log:
    """Scalars and pictures of a run, by step.

    `metrics.jsonl` has one object a line: `step`, `stage`, `time` (seconds since 1970)
    and the scalars by name. A resumed run goes on in the same files.
    """

    def __init__(self, workdir: pathlib.Path):
        self._path = workdir / "metrics.jsonl"
        self._writer = tf.summary.create_file_writer(str(workdir / "tensorboard"))

    def scalars(self, step: int, stage: str, values: Mapping[str, float]) -> None:
        """Writes scalars; JSON has no NaN, a metric without labels is null there."""
        record = {"step": step, "stage": stage, "time": round(time.time(), 3)}
        known = {k: v if math.isfinite(v) else None for k, v in values.items()}
        with self._path.open("a") as file:
            file.write(json.dumps(record | known) + "\n")
        with self._writer.as_default(step):
            for name, value in values.items():
                tf.summary.scalar(name, value)

    def event(self, step: int, stage: str, what: str) -> None:
        """Writes a line that says what happened (`resumed`, `finished`)."""
        record = {"step": step, "stage": stage, "time": round(time.time(), 3)}
        with self._path.open("a") as file:
            file.write(json.dumps(record | {"event": what}) + "\n")

    def picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Writes a picture [H, W, 3] of bytes."""
        with self._writer.as_default(step):
            tf.summary.image(name, picture[None], max_outputs=1)

    def text(self, step: int, name: str, text: str) -> None:
        """Writes a text."""
        with self._writer.as_default(step):
            tf.summary.text(name, text)

    def flush(self) -> None:
        """Makes all of it visible to other programs."""
        self._writer.flush()


def read(workdir: pathlib.Path) -> list[dict]:
    """The lines of `metrics.jsonl`."""
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
