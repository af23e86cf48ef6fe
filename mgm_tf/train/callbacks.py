"""What happens around the steps: scalars, progress, stopping, whatever is periodic."""

import contextlib
import dataclasses
import math
import signal
import sys
import time
from collections.abc import Callable, Mapping

import keras
import numpy as np
import tqdm

from mgm_tf.errors import NotFinite
from mgm_tf.train.accounts import RunCosts
from mgm_tf.train.logs import Log


class EverySteps(keras.callbacks.Callback):
    """Calls `act(step)` whenever another `every` steps of the run are done.

    A call of the graph may hold several steps: what counts is the step that is reached.
    """

    def __init__(self, every: int, act: Callable[[int], None], first: int, last: int):
        """Counts from `first`, the steps done before; acts at `last` in any case."""
        super().__init__()
        self._every = every
        self._act = act
        self._first = first
        self._done = first
        self._last = last

    def on_train_batch_end(self, batch, logs=None):
        """Acts if a multiple of `every` was reached, or the end."""
        # The last call of a stage may hold fewer steps than Keras counts.
        before, self._done = self._done, min(self._first + batch + 1, self._last)
        reached = self._done // self._every > before // self._every
        if reached or self._done == self._last:
            self._act(self._done)


@dataclasses.dataclass
class Scalars:
    """Writes the losses since the last call, and how fast it went.

    Raises:
      NotFinite: a loss is NaN or infinite; the last checkpoint is before it.
    """

    log: Log
    model: keras.Model
    stage: str
    batch_size: int
    constants: dict[str, float]
    show: Callable[[dict[str, float]], None]
    step: int
    run_costs: RunCosts

    def __post_init__(self):
        self._since = time.monotonic()

    def __call__(self, step: int) -> None:
        """Writes and starts anew; of a step that is written already nothing is left."""
        if step == self.step:
            return
        losses = checked_losses(self.model, self.stage, step)
        now = time.monotonic()
        images = (step - self.step) * self.batch_size
        self.run_costs.spent(
            self.stage, step - self.step, now - self._since, self.batch_size
        )
        speed = {"images_per_second": images / max(now - self._since, 1e-9)}
        values = {f"loss/{name}": value for name, value in losses.items()}
        self.log.scalars(step, self.stage, values | self.constants | speed)
        self.show(losses | speed)
        self.model.reset_metrics()
        self.step, self._since = step, now

    @contextlib.contextmanager
    def paused(self):
        """Leaves the time spent inside out of the speed of training."""
        start = time.monotonic()
        yield
        self._since += time.monotonic() - start


def checked_losses(model: keras.Model, stage: str, step: int) -> dict[str, float]:
    """The mean losses since the last reset.

    Raises:
      NotFinite: naming those that are NaN or infinite.
    """
    losses = {metric.name: float(metric.result()) for metric in model.metrics}
    broken = [name for name, value in losses.items() if not math.isfinite(value)]
    if broken:
        raise NotFinite(
            f"Stage {stage}, up to step {step}: the loss of {', '.join(broken)} is not "
            "finite. The last checkpoint is from before; a smaller learning rate or "
            "other data may help, going on from there would not."
        )
    return losses


def check_weights(networks: Mapping[str, keras.Model], stage: str, step: int) -> None:
    """Refuses weights that the last update has spoiled: no loss has seen those yet.

    Raises:
      NotFinite: naming the networks with a NaN or an infinite weight.
    """
    broken = [
        name
        for name, network in networks.items()
        if not all(np.isfinite(value.numpy()).all() for value in network.variables)
    ]
    if broken:
        raise NotFinite(
            f"Stage {stage}, step {step}: weights of {', '.join(broken)} are not "
            "finite. The last checkpoint is from before."
        )


class Progress(keras.callbacks.Callback):
    """A line with the stage, the step, the time left and the latest losses."""

    def __init__(self, title: str, first: int, total: int):
        super().__init__()
        # A file (not a terminal) gets a line now and then, not a new one each step.
        patience = 0.5 if sys.stderr.isatty() else 15.0
        self._bar = tqdm.tqdm(
            total=total,
            initial=first,
            desc=title,
            unit="step",
            mininterval=patience,
            maxinterval=patience,
            dynamic_ncols=True,
        )
        self._steps = total - first
        self.done = 0  # steps of this call of `fit`

    def show(self, values: dict[str, float]) -> None:
        """Shows one number a loss, those of several terms summed."""
        sums: dict[str, float] = {}
        for name, value in values.items():
            update = name.split("/")[0]
            sums[update] = sums.get(update, 0.0) + value
        text = " ".join(f"{name}={value:.3g}" for name, value in sums.items())
        self._bar.set_postfix_str(text, refresh=False)

    def on_train_batch_end(self, batch, logs=None):
        """Moves on."""
        before, self.done = self.done, min(batch + 1, self._steps)
        self._bar.update(self.done - before)

    def close(self) -> None:
        """Leaves the line as it is."""
        self._bar.close()


class Interruption(keras.callbacks.Callback):
    """Stops a stage after the current step when SIGTERM or SIGINT comes.

    TensorFlow's own preemption handler does nothing on a single host.
    """

    SIGNALS = (signal.SIGTERM, signal.SIGINT)

    def __init__(self):
        super().__init__()
        self.asked = False

    def __enter__(self):
        self._before = {s: signal.signal(s, self._ask) for s in self.SIGNALS}
        return self

    def __exit__(self, *exception):
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number, frame):
        self.asked = True
        print("Stopping after this step; a second signal stops at once.", flush=True)
        for each in self.SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    def on_train_batch_end(self, batch, logs=None):
        """Ends the stage if asked to."""
        if self.asked:
            self.model.stop_training = True
