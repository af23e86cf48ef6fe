"""How fast something is: repeated, after a warm-up, variants in turn."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

WARM_UP = 6  # batches: more than are read ahead, less than are kept


@dataclasses.dataclass(frozen=True)
class Rate:
    """A rate in images a second, measured several times.

    Attributes:
      windows: the rate of each measurement.
    """

    windows: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the measurements."""
        return statistics.median(self.windows)

    def __str__(self) -> str:
        low, high = min(self.windows), max(self.windows)
        return f"{self.median:,.0f} ({low:,.0f}-{high:,.0f})"

    def record(self) -> dict:
        """Returns the rate as JSON values."""
        return {"median": self.median, "windows": list(self.windows)}


def rate(
    act: Callable[[], object], images: int, windows: int, window_seconds: float
) -> Rate:
    """Measures how fast `act` deals with images, after some calls to warm it up.

    Args:
      act: the function whose calls are timed.
      images: the number of images of a call.
      windows: the number of measurements.
      window_seconds: the least number of seconds of a measurement.
    """
    for _ in range(WARM_UP):
        act()
    rates = []
    for _ in range(windows):
        seconds, _ = _time_of_a_call(act, window_seconds)
        rates.append(images / seconds)
    return Rate(tuple(rates))


@dataclasses.dataclass(frozen=True)
class Timing:
    """The time of a call, measured several times.

    Attributes:
      seconds: the wall time of a call, of each measurement.
      cpu_seconds: the time of all cores of it.
    """

    seconds: tuple[float, ...]
    cpu_seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the wall times."""
        return statistics.median(self.seconds)

    @property
    def cpu_median(self) -> float:
        """The median of the cores' times."""
        return statistics.median(self.cpu_seconds)

    def __str__(self) -> str:
        low, high = min(self.seconds), max(self.seconds)
        return f"{1e3 * self.median:,.1f} ({1e3 * low:,.1f}-{1e3 * high:,.1f})"

    def record(self) -> dict:
        """Returns the times as JSON values."""
        return {
            "median": self.median,
            "seconds": list(self.seconds),
            "cpu_seconds": list(self.cpu_seconds),
        }


def in_turn(
    acts: Mapping[str, Callable[[], object]], windows: int, window_seconds: float
) -> dict[str, Timing]:
    """Measures the calls of several functions, in turn: A B A B ...

    What slows the machine for a while then slows all of them.

    Args:
      acts: the functions by name, warmed up.
      windows: the number of measurements of each.
      window_seconds: the least number of seconds of a measurement.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in acts}
    for _ in range(windows):
        for name, act in acts.items():
            times[name].append(_time_of_a_call(act, window_seconds))
    return {
        name: Timing(*(tuple(column) for column in zip(*measured, strict=True)))
        for name, measured in times.items()
    }


def _time_of_a_call(
    act: Callable[[], object], least_seconds: float
) -> tuple[float, float]:
    begin, cpu_begin, calls = time.perf_counter(), time.process_time(), 0
    while not calls or time.perf_counter() - begin < least_seconds:
        act()
        calls += 1
    cpu = time.process_time() - cpu_begin
    return (time.perf_counter() - begin) / calls, cpu / calls


def first_call(act: Callable[[], object]) -> float:
    """Returns the seconds of a first call, which makes a graph, and of its warm-up."""
    begin = time.perf_counter()
    act()
    seconds = time.perf_counter() - begin
    act()
    return seconds


def ratios(measured: Timing, reference: Timing) -> tuple[float, float, float]:
    """Returns the median, least and most ratio of times that were measured in turn."""
    pairs = zip(measured.seconds, reference.seconds, strict=True)
    quotients: Sequence[float] = [one / other for one, other in pairs]
    return statistics.median(quotients), min(quotients), max(quotients)
