"""How long a stage lasts, in words."""

import dataclasses
import re


@dataclasses.dataclass(frozen=True)
class StageLength:
    """How long a stage lasts: an amount of `epochs` or `steps`."""

    amount: float
    unit: str

    @classmethod
    def parse(cls, text: str) -> "StageLength":
        """Reads `100epochs`, `0.5epochs` or `2000steps`.

        Raises:
          ValueError: it is neither.
        """
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(epochs|steps)", text.strip())
        if match is None:
            raise ValueError(
                f"A length is written like 100epochs or 2000steps; received {text!r}."
            )
        return cls(float(match[1]), match[2])

    def steps(self, examples: int, batch_size: int) -> int:
        """The number of steps over `examples`; not less than one unless 0 is asked."""
        exact = {"steps": self.amount, "epochs": self.amount * examples / batch_size}
        return max(round(exact[self.unit]), int(self.amount > 0))
