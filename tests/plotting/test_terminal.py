"""Tables and progress, in a terminal and in a file."""

import contextlib
import io
import sys

import pytest

from mgm_tf.plotting import terminal
from mgm_tf.plotting.terminal import Column, Progress

COLUMNS = (Column("stage", 8), Column("GiB", 6, right=True), Column("length"))
ROWS = (("joint", "0.25", "[5] epochs"), "    refine  -> encoder", ("all", "-", ""))


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """A wide terminal with colours, if there is one."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")


@contextlib.contextmanager
def terminal_streams():
    """Puts one terminal in the place of both streams."""
    stream = Terminal()
    terminal._console.cache_clear()
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        yield stream
    terminal._console.cache_clear()


@pytest.fixture
def now(monkeypatch):
    """The time in seconds, which stands still unless a test changes it."""
    seconds = [100.0]
    monkeypatch.setattr(terminal.time, "monotonic", lambda: seconds[0])
    return seconds


# --- Tables -------------------------------------------------------------------------


def test_a_file_gets_aligned_columns():
    assert terminal.table(COLUMNS, ROWS) == (
        "stage      GiB  length\n"
        "joint     0.25  [5] epochs\n"
        "    refine  -> encoder\n"
        "all          -"
    )


def test_a_column_without_a_width_fits_its_cells():
    columns = (Column("task"), Column("images", right=True), Column("unit"))
    rows = (("segmentation", "1,000", "-"), ("depth", "9", "m"))
    assert terminal.table(columns, rows) == (
        "task            images  unit\n"
        "segmentation     1,000  -\n"
        "depth                9  m"
    )


def test_a_terminal_gets_a_drawn_table_with_the_same_cells():
    with terminal_streams():
        text = terminal.table(COLUMNS, ROWS)
    assert "\x1b[1m" in text and "─" in text
    # Brackets are no markup, and a line of its own stands in the last column.
    assert "[5] epochs" in text
    assert "refine -> encoder" in text
    lines = text.splitlines()
    assert lines[2].index("[5]") == lines[3].replace("\x1b[2m", "").index("refine")
    for cell in ("stage", "GiB", "length", "joint", "0.25", "all"):
        assert cell in text


def test_a_row_needs_a_cell_for_each_column():
    with pytest.raises(ValueError):
        terminal.table(COLUMNS, [("joint", "0.25")])


# --- Progress in a file -------------------------------------------------------------


def test_a_file_gets_a_line_now_and_then_and_one_at_the_end(now, capsys):
    with Progress("decoding", 40, "images", done=10) as progress:
        progress.update()
        assert capsys.readouterr().err == ""
        now[0] += terminal.PLAIN_INTERVAL
        progress.note("loss=0.5")
        progress.update(9)
        # 10 images in 15 seconds; 20 more take 30.
        line = "decoding: 50% 20/40 images [00:15<00:30, 0.67/s] loss=0.5\n"
        assert capsys.readouterr().err == line
        now[0] += terminal.PLAIN_INTERVAL - 1
        progress.update(19)
        assert capsys.readouterr().err == ""
        progress.update(1)
    assert capsys.readouterr().err.startswith("decoding: 100% 40/40 images [00:29<")


def test_a_line_that_is_not_kept_leaves_nothing_at_the_end(now, capsys):
    with Progress("decoding", 2, "images", keep=False) as progress:
        progress.update(2)
    assert capsys.readouterr().err == ""


def test_nothing_is_shown_before_the_delay(now, capsys):
    with Progress("decoding", 2, "images", delay=2) as progress:
        now[0] += 1.9
        progress.update(2)
    assert capsys.readouterr().err == ""
    with Progress("decoding", 2, "images", delay=2) as progress:
        now[0] += 2
        progress.update(2)
    assert "2/2 images" in capsys.readouterr().err


def test_a_line_that_is_not_shown_says_nothing(now, capsys):
    with Progress("decoding", 2, "images", shown=False) as progress:
        now[0] += 100
        progress.update(2)
    assert capsys.readouterr().err == ""


def test_nothing_to_do_is_no_error(now, capsys):
    Progress("decoding", 0, "images").close()
    assert capsys.readouterr().err == ("decoding: 0% 0/0 images [00:00<?, ?/s]\n")


def test_the_time_left_is_that_of_the_latest_updates(now, capsys):
    progress = Progress("stage", 1000, "steps")
    now[0] += 3600  # the first step builds a graph
    progress.update()
    for _ in range(terminal.RECENT):
        now[0] += 0.5
        progress.update()
    capsys.readouterr()
    progress.close()
    # 899 steps of half a second are left.
    assert "101/1000 steps [1:00:50<07:30, 2.00/s]" in capsys.readouterr().err


# --- Progress in a terminal ---------------------------------------------------------


def test_a_terminal_gets_a_bar_that_is_closed():
    with terminal_streams() as stream:
        with Progress("[joint]", 8, "steps", done=2) as progress:
            progress.update(6)
            progress.note("loss=[0.5]")
            print("a line of the run")
        # The streams are what they were.
        assert sys.stdout is sys.stderr is stream
    text = stream.getvalue()
    assert "[joint]  25% " in text and "2/8 steps" in text
    assert "[joint] 100% " in text and "8/8 steps" in text and "loss=[0.5]" in text
    assert "a line of the run" in text
    # And the cursor is there.
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_the_cursor_is_there_while_a_bar_is_shown():
    with terminal_streams() as stream:
        progress = Progress("joint", 8, "steps")
        text = stream.getvalue()
        progress.close()
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")


def test_a_bar_within_another_disappears():
    with terminal_streams() as stream, Progress("outer", 2, "steps") as outer:
        with Progress("inner", 3, "batches", keep=False) as inner:
            inner.update(3)
        shown = len(stream.getvalue())
        outer.update()
    text = stream.getvalue()
    assert "inner" in text[:shown] and "outer" in text[shown:]
    assert "inner" not in text[shown:]


def test_a_file_of_output_stays_one_while_a_bar_is_shown():
    output = io.StringIO()
    with (
        terminal_streams() as stream,
        contextlib.redirect_stdout(output),
        Progress("joint", 8, "steps"),
    ):
        print("a line of the run")
    assert output.getvalue() == "a line of the run\n"
    assert "a line of the run" not in stream.getvalue()


def test_a_bar_waits_for_its_delay(now):
    with (
        terminal_streams() as stream,
        Progress("decoding", 4, "images", delay=2) as progress,
    ):
        progress.update()
        assert stream.getvalue() == ""
        now[0] += 2
        progress.update()
        assert "decoding  50% " in stream.getvalue()
