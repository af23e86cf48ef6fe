"""What the command lines share: how they start and how they report an error."""

import pathlib
import sys
from collections.abc import Callable, Mapping

import tensorflow as tf
from absl import app, flags, logging

from mgm_tf.errors import Interrupted, NotFinite, damaged_example

_INTERRUPTED = 130  # the exit code of shells for Ctrl-C

# What a user can mend is told in a sentence and not as a stack of calls.
_TOLD = (ValueError, OSError, Interrupted, NotFinite)


def workdir_flag() -> None:
    """Defines --workdir."""
    flags.DEFINE_string("workdir", None, "The folder of the run.", required=True)


def workdir() -> pathlib.Path:
    """The folder of the run."""
    return pathlib.Path(flags.FLAGS.workdir)


def run(
    main: Callable[[], int | None] | Mapping[str, Callable[[], int | None]],
) -> None:
    """Parses the flags and calls `main`.

    Args:
      main: returns the exit code, None for 0; or such by name: the first word of the
        command line chooses one.
    """

    def guarded(arguments):
        logging.set_verbosity(logging.WARNING)
        tf.get_logger().setLevel("ERROR")
        act = _chosen(main, arguments[1:])
        try:
            sys.exit(act())
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            sys.exit(_INTERRUPTED)
        except tf.errors.InvalidArgumentError as error:
            # What a graph raises when it cannot read an example says so in its text.
            _tell(damaged_example(error), error)
        except _TOLD as error:
            _tell(error, error)

    flags.DEFINE_bool("debug", False, "Show where an error comes from.")
    app.run(guarded, flags_parser=_parsed)


def _chosen(main, words: list[str]) -> Callable[[], int | None]:
    """What the words of the command line that are no flags ask for."""
    if isinstance(main, Mapping):
        if len(words) == 1 and words[0] in main:
            return main[words[0]]
        received = " ".join(words) or "none"
        print(
            f"Expected one of {', '.join(main)}; received {received}.\n"
            "--help lists the flags.",
            file=sys.stderr,
        )
        sys.exit(2)
    if words:
        print(f"Not a flag: {' '.join(words)}", file=sys.stderr)
        sys.exit(2)
    return main


def _tell(what: BaseException | None, error: BaseException) -> None:
    """Ends with `what` in a sentence; with nothing to tell, or asked to, as `error`."""
    if flags.FLAGS.debug or what is None:
        raise error
    print(f"\n{type(what).__name__}: {what}", file=sys.stderr)
    sys.exit(2)


def _parsed(arguments: list[str]) -> list[str]:
    """Parses the flags; by itself absl ends with 1, as if something had been done."""
    try:
        return flags.FLAGS(arguments)
    except flags.Error as error:
        print(f"{error}\n--helpshort lists the flags.", file=sys.stderr)
        sys.exit(2)
