"""The callbacks around the steps of a stage: scalars, progress, interruption."""

import contextlib
import dataclasses
import math
import os
import time
import types
from collections.abc import Callable, Iterator, Mapping

import keras
import numpy as np

from mgm_tf.config import signals
from mgm_tf.errors import NotFinite
from mgm_tf.plotting import terminal
from mgm_tf.train import workers
from mgm_tf.train.costs import RunCosts
from mgm_tf.train.logs import Log

# What Keras gives to a callback; nothing here reads it.
Logs = Mapping[str, float] | None


class EverySteps(keras.callbacks.Callback):
    """A callback that calls `act(step)` every so many steps of the run.

    A call of the graph may hold several steps: what counts is the step that is reached.

    Args:
      every: the number of steps from one call to the next.
      act: the function that is called with the number of steps done.
      first: the number of steps done before the stage is begun or resumed.
      last: the step at which the stage ends, when `act` is called in any case.
    """

    def __init__(self, every: int, act: Callable[[int], None], first: int, last: int):
        super().__init__()
        self._every = every
        self._act = act
        self._first = first
        self._done = first
        self._last = last

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Acts if a multiple of `every` is reached, or the end."""
        # The last call of a stage may hold fewer steps than Keras counts.
        previous, self._done = self._done, min(self._first + batch + 1, self._last)
        is_due = self._done // self._every > previous // self._every
        if is_due or self._done == self._last:
            self._act(self._done)


@dataclasses.dataclass
class Scalars:
    """A writer of the mean losses since its last call, and of the speed.

    Attributes:
      log: the log of the run.
      model: the model whose metrics are the losses.
      stage: the name of the stage.
      batch_size: the number of images in a step.
      rates: a function of the step that returns further scalars by name, such as
        learning rates.
      show: a function that displays scalars by name.
      step: the step up to which everything is written.
      run_costs: the costs of the run, to which steps and seconds are added.

    Raises:
      NotFinite: a loss is NaN or infinite; the last checkpoint is before it.
    """

    log: Log
    model: keras.Model
    stage: str
    batch_size: int
    rates: Callable[[int], dict[str, float]]
    show: Callable[[dict[str, float]], None]
    step: int
    run_costs: RunCosts

    def __post_init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self, step: int) -> None:
        """Writes the scalars up to a step, unless they are written already."""
        if step == self.step:
            return
        losses = checked_losses(self.model, self.stage, step)
        now = time.monotonic()
        images = (step - self.step) * self.batch_size
        self.run_costs.record_steps(
            self.stage, step - self.step, now - self._since, self.batch_size
        )
        speed = {"images_per_second": images / max(now - self._since, 1e-9)}
        values = {f"loss/{name}": value for name, value in losses.items()}
        self.log.scalars(step, self.stage, values | self.rates(step) | speed)
        self.show(losses | speed)
        self.model.reset_metrics()
        self.step, self._since = step, now

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Leaves the time inside the context out of the speed of training."""
        start = time.monotonic()
        yield
        self._since += time.monotonic() - start


def checked_losses(model: keras.Model, stage: str, step: int) -> dict[str, float]:
    """Returns the mean losses since the last reset, by name.

    Raises:
      NotFinite: losses, which the message names, are NaN or infinite.
    """
    losses = {metric.name: float(metric.result()) for metric in model.metrics}
    names = [name for name, value in losses.items() if not math.isfinite(value)]
    if names:
        raise NotFinite(
            f"Stage {stage}, up to step {step}: the loss of {', '.join(names)} is not "
            "finite. The last checkpoint is from before; a smaller learning rate or "
            "other data may help, going on from there would not."
        )
    return losses


def check_weights(networks: Mapping[str, keras.Model], stage: str, step: int) -> None:
    """Refuses weights that the last update has spoiled, which no loss has seen yet.

    Raises:
      NotFinite: networks, which the message names, have a NaN or an infinite weight.
    """
    names = [
        name
        for name, network in networks.items()
        if not all(np.isfinite(value.numpy()).all() for value in network.variables)
    ]
    if names:
        raise NotFinite(
            f"Stage {stage}, step {step}: weights of {', '.join(names)} are not "
            "finite. The last checkpoint is from before."
        )


class Progress(keras.callbacks.Callback):
    """A line with the stage, the step, the time left and the latest losses."""

    def __init__(self, title: str, first: int, total: int, *, shown: bool = True):
        super().__init__()
        self._line = terminal.Progress(title, total, "steps", done=first, shown=shown)
        self._steps = total - first
        self.done = 0  # steps of this call of `fit`

    def show(self, values: dict[str, float]) -> None:
        """Shows one number for each loss, the sum of its terms."""
        sums: dict[str, float] = {}
        for name, value in values.items():
            update = name.split("/")[0]
            sums[update] = sums.get(update, 0.0) + value
        text = " ".join(f"{name}={value:.3g}" for name, value in sums.items())
        self._line.note(text)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Advances by the steps of the last call of the graph."""
        previous, self.done = self.done, min(batch + 1, self._steps)
        self._line.update(self.done - previous)

    def close(self) -> None:
        """Ends the line and leaves it as it is."""
        self._line.close()


class Interruption(keras.callbacks.Callback):
    """A callback that stops a stage after the current step on a signal.

    Before the first step, while data are read and graphs are built, nothing would be
    lost: the signal raises `KeyboardInterrupt`, as it does in other commands.
    TensorFlow's own preemption handler does nothing on a single host. Of several
    workers all stop after the same step, whichever is told to.

    Attributes:
      requested: whether a signal has come, and all workers know.
    """

    def __init__(self) -> None:
        super().__init__()
        self.requested = False
        self._told = False
        self._in_steps = False

    def __enter__(self) -> "Interruption":
        self._handling = signals.handling(self._request)
        self._handling.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._handling.__exit__(None, None, None)

    def _request(self, _number: int, _frame: types.FrameType | None) -> None:
        if self._told:
            os._exit(signals.EXIT_CODE)
        self._told = True
        if not self._in_steps:
            raise KeyboardInterrupt
        print("Stopping after this step; a second signal stops at once.", flush=True)

    @property
    def first(self) -> keras.callbacks.Callback:
        """A callback that notes a step before all others act on it."""

        def note(batch: int, logs: Logs = None) -> None:
            self._in_steps = True

        return keras.callbacks.LambdaCallback(on_train_batch_end=note)

    def on_train_end(self, logs: Logs = None) -> None:
        """Notes that everything is saved."""
        self._in_steps = False

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Ends the stage if a signal has come."""
        self._in_steps = True
        self.requested = workers.any_of(self._told)
        if self.requested:
            self.model.stop_training = True
