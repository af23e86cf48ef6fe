"""Tables and progress in the terminal, by rich; plain text where there is no terminal.

A pipe or a file gets aligned columns, and a line of progress now and then.
"""

import atexit
import collections
import dataclasses
import functools
import sys
import time
from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

PLAIN_INTERVAL = 15.0  # seconds between lines of progress in a file
REFRESHES = 2  # of the progress in a terminal, a second
RECENT = 100  # updates whose speed gives the time left
BAR, BAR_WIDTH = "━", 16
GAP = "  "  # before a column that is aligned left, after one that is aligned right


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
      title: the head of the column.
      width: the least number of characters in plain text; 0: two more than the longest
        cell has.
      right: whether its cells are aligned right, as numbers are.
    """

    title: str
    width: int = 0
    right: bool = False


def table(columns: Sequence[Column], rows: Sequence[Sequence[str] | str]) -> str:
    """Returns a table as text for the standard output.

    Args:
      columns: the columns, from left to right.
      rows: the cells of each row, one for each column; or a string that is a line of
        its own in plain text and stands in the last column of a terminal's table.
    """
    draw = _drawn_table if sys.stdout.isatty() else _plain_table
    return draw(columns, rows)


def _plain_table(columns: Sequence[Column], rows: Sequence[Sequence[str] | str]) -> str:
    head = [column.title for column in columns]
    cells = [head, *(row for row in rows if not isinstance(row, str))]
    widths = [
        column.width or max(map(len, texts)) + len(GAP)
        for column, texts in zip(columns, zip(*cells, strict=True), strict=True)
    ]
    lines = []
    for row in (head, *rows):
        if isinstance(row, str):
            lines.append(row)
            continue
        line, after_right = "", False
        for column, width, cell in zip(columns, widths, row, strict=True):
            if column.right:
                line += cell.rjust(width)
            else:
                line += GAP * after_right + cell.ljust(width)
            after_right = column.right
        lines.append(line.rstrip())
    return "\n".join(lines)


def _drawn_table(columns: Sequence[Column], rows: Sequence[Sequence[str] | str]) -> str:
    drawing = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for column in columns:
        drawing.add_column(
            Text(column.title),
            justify="right" if column.right else "left",
            no_wrap=column.right,
            overflow="fold",
        )
    for row in rows:
        if isinstance(row, str):
            note = Text(" ".join(row.split()), "dim")
            drawing.add_row(*[""] * (len(columns) - 1), note)
        else:
            # As text: brackets in a cell are no markup.
            drawing.add_row(*map(Text, row))
    console = Console()
    with console.capture() as capture:
        console.print(drawing)
    return capture.get().rstrip("\n")


class Progress:
    """A line on the standard error with how much is done and the time left.

    In a terminal it stays below what is printed meanwhile, and a line that is begun
    within another stands below that. Anything else gets a line of text every
    `PLAIN_INTERVAL` seconds and one at the end.

    Args:
      title: what is going on.
      total: the number of units at the end.
      unit: the name of what is counted, in the plural.
      done: the number of units that are done already; they took no time.
      delay: the seconds after which the line is shown at all.
      keep: whether the line stays when it is closed.
      shown: whether there is a line.
    """

    def __init__(
        self,
        title: str,
        total: int,
        unit: str,
        *,
        done: int = 0,
        delay: float = 0.0,
        keep: bool = True,
        shown: bool = True,
    ) -> None:
        self._title = title
        self._total = total
        self._unit = unit
        self._done = done
        self._note = ""
        self._keep = keep
        self._shown = shown
        self._in_terminal = sys.stderr.isatty()
        self._begin = time.monotonic()
        self._visible_at = self._begin + delay
        self._next_line_at = self._begin + max(delay, PLAIN_INTERVAL)
        self._recent = collections.deque([(self._begin, done)], maxlen=RECENT)
        self._live: Live | None = None
        self._show()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def update(self, count: int = 1) -> None:
        """Notes that so many more units are done."""
        self._done += count
        self._recent.append((time.monotonic(), self._done))
        self._show()

    def note(self, text: str) -> None:
        """Sets the text at the end of the line, seen when the line is shown next."""
        self._note = text

    def close(self) -> None:
        """Ends the line: it stays as it is, or disappears."""
        if self._live is not None:
            atexit.unregister(self.close)
            self._live.stop()
            self._live = None
        elif self._shown and not self._in_terminal and self._keep and self._is_due():
            self._print()
        self._shown = False

    def _is_due(self) -> bool:
        return time.monotonic() >= self._visible_at

    def _show(self) -> None:
        if not self._shown or self._live is not None or not self._is_due():
            return
        if self._in_terminal:
            self._start()
        elif time.monotonic() >= self._next_line_at:
            self._print()
            self._next_line_at = time.monotonic() + PLAIN_INTERVAL

    def _start(self) -> None:
        console = _console()
        self._live = Live(
            console=console,
            get_renderable=self._drawn,
            refresh_per_second=REFRESHES,
            transient=not self._keep,
            # What is printed into a file is not to appear in the terminal.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._live.start()
        self._live.refresh()
        # A process that is killed leaves a cursor behind that can be seen.
        console.show_cursor(True)
        atexit.register(self.close)

    def _print(self) -> None:
        words = f"{self._title}: {self._percent()} {self._state()}"
        print(words, file=sys.stderr, flush=True)

    def _drawn(self) -> Text:
        filled = round(BAR_WIDTH * self._fraction())
        return Text.assemble(
            f"{self._title} {self._percent():>4} ",
            (BAR * filled, "green"),
            (BAR * (BAR_WIDTH - filled), "bright_black"),
            f" {self._state()}",
            no_wrap=True,
            overflow="ellipsis",
        )

    def _fraction(self) -> float:
        return self._done / max(self._total, 1)

    def _percent(self) -> str:
        return f"{self._fraction():.0%}"

    def _state(self) -> str:
        """Returns numbers, the time taken and left, the speed and the note."""
        now = time.monotonic()
        start, first = self._recent[0]
        counted = self._done - first
        speed = counted / max(self._recent[-1][0] - start, 1e-9)
        left = _duration((self._total - self._done) / speed) if counted else "?"
        times = f"{_duration(now - self._begin)}<{left}"
        rate = f"{speed:.2f}" if counted else "?"
        numbers = f"{self._done}/{self._total} {self._unit}"
        return f"{numbers} [{times}, {rate}/s] {self._note}".rstrip()


@functools.cache
def _console() -> Console:
    """Returns the console that all lines share, so that they stand below each other."""
    return Console(stderr=True)


def _duration(seconds: float) -> str:
    """Returns minutes and seconds, with hours if there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
