"""What a stage spends on other things than its steps, held against a budget.

Evaluations decide which weights are the best, and a run that diverges goes back to its
last checkpoint: they come at their steps whatever they cost, for the result of a run is
not to depend on how fast the machine is. Pictures change nothing; they wait while the
budget is exceeded.
"""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping

EVALUATION, PICTURES, CHECKPOINTS = "evaluation", "pictures", "checkpoints"
# The flags that say how often each of them comes.
FLAGS = {
    EVALUATION: "evaluate_every",
    PICTURES: "picture_every",
    CHECKPOINTS: "checkpoint_every",
}
# Seconds of a stage before which no share is taken seriously: graphs are made in them.
SETTLED = 60.0


@dataclasses.dataclass
class Overhead:
    """The time of a stage, and what of it was taken by what is not a step.

    Statistics for test time belong to the evaluation or picture that needs them.

    Attributes:
      budget: the share of the time that may be taken.
      seconds: what has taken time -> the seconds.
    """

    budget: float
    seconds: dict[str, float] = dataclasses.field(
        default_factory=lambda: dict.fromkeys(FLAGS, 0.0)
    )

    def __post_init__(self) -> None:
        self._begin = time.monotonic()

    @contextlib.contextmanager
    def of(self, what: str) -> Iterator[None]:
        """Counts the time inside the context."""
        begin = time.monotonic()
        yield
        self.seconds[what] += time.monotonic() - begin

    @property
    def total(self) -> float:
        """The seconds since the stage was begun or resumed."""
        return time.monotonic() - self._begin

    def shares(self) -> dict[str, float]:
        """Returns the share of the time that each has taken."""
        total = max(self.total, 1e-9)
        return {what: seconds / total for what, seconds in self.seconds.items()}

    def is_exceeded(self) -> bool:
        """Returns whether more is taken than may be, as far as that is known yet."""
        return self.total >= SETTLED and sum(self.shares().values()) > self.budget

    def words(self, every: Mapping[str, int], most: int) -> str:
        """Says what has taken how much; and, if it is too much, what helps.

        Args:
          every: the flag of each -> the number of steps from one to the next.
          most: the number of steps of the stage.
        """
        shares = self.shares()
        parts = ", ".join(f"{what} {share:.1%}" for what, share in shares.items())
        text = f"{sum(shares.values()):.1%} of {self.total:.0f} s: {parts}."
        if not self.is_exceeded():
            return text
        largest = max(shares, key=lambda what: shares[what])
        rest = self.budget - (sum(shares.values()) - shares[largest])
        flag = FLAGS[largest]
        # Half as often costs half as much.
        factor = shares[largest] / rest if rest > 0 else float("inf")
        wanted = min(most, every[flag] * factor)
        return (
            f"{text} That is above --overhead_budget={self.budget:g}: "
            f"--{flag}={-(-wanted // 1):.0f} helps most."
        )
