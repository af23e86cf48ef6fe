"""The profile of some steps of a run, which TensorBoard shows."""

import contextlib
import pathlib

import keras
import tensorflow as tf

from mgm_tf.config.options import StepRange
from mgm_tf.files import tensorflow_files, whole
from mgm_tf.train.callbacks import Logs


class Profile(keras.callbacks.Callback):
    """A callback that records what the devices and this program do in some steps.

    Args:
      folder: the folder of TensorBoard's files.
      steps: the steps of the run that are recorded, the first and the last.
      done: the number of steps done before the stage is begun or resumed.

    Raises:
      NotWritten: the profile cannot be written.
    """

    def __init__(self, folder: pathlib.Path, steps: StepRange, done: int):
        super().__init__()
        self._folder = folder
        self._steps = steps
        self._done = done
        self._is_on = False
        self._trace: contextlib.AbstractContextManager | None = None

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Begins with the first of the steps, and marks each of them."""
        step = self._done + batch + 1
        last = step + self.model.steps_per_execution - 1
        is_near = step <= self._steps.last and last >= self._steps.first
        if is_near and not self._is_on:
            tf.profiler.experimental.start(str(self._folder))
            self._is_on = True
        if self._is_on:
            # What TensorBoard knows steps by.
            self._trace = tf.profiler.experimental.Trace("train", step_num=step, _r=1)
            self._trace.__enter__()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Writes the profile after the last of the steps."""
        if self._trace is not None:
            self._trace.__exit__(None, None, None)
            self._trace = None
        if self._done + batch + 1 >= self._steps.last:
            self._end()

    def on_train_end(self, logs: Logs = None) -> None:
        """Writes the profile where the stage ends before."""
        self._end()

    def _end(self) -> None:
        if self._is_on:
            self._is_on = False
            with whole.explained(self._folder), tensorflow_files.as_os_errors():
                tf.profiler.experimental.stop()
