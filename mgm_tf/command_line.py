"""What the command lines share: how they start and how they report an error."""

import pathlib
import sys
from collections.abc import Callable

import tensorflow as tf
from absl import app, flags, logging

from mgm_tf import stored

_INTERRUPTED = 130  # the exit code of shells for Ctrl-C


def workdir_flag() -> None:
    """Defines --workdir."""
    flags.DEFINE_string("workdir", None, "The folder of the run.", required=True)


def workdir() -> pathlib.Path:
    """The folder of the run."""
    return pathlib.Path(flags.FLAGS.workdir)


def run(main: Callable[[], int | None], *errors: type[BaseException]) -> None:
    """Parses the flags and calls `main`.

    Args:
      main: returns the exit code, None for 0.
      errors: beside ValueError and OSError, what is told in a sentence (a
        user can mend it) and not as a stack of calls.
    """

    def guarded(arguments):
        logging.set_verbosity(logging.WARNING)
        tf.get_logger().setLevel("ERROR")
        if len(arguments) > 1:
            print(f"Not a flag: {' '.join(arguments[1:])}", file=sys.stderr)
            sys.exit(2)
        told: tuple[type[BaseException], ...] = (
            ValueError,
            OSError,
            *errors,
        )
        try:
            sys.exit(main())
        except KeyboardInterrupt:
            print("\nStopped.", file=sys.stderr)
            sys.exit(_INTERRUPTED)
        except tf.errors.InvalidArgumentError as error:
            # What a graph raises when it cannot read an example says so in its text.
            _tell(stored.damaged_example(error), error)
        except told as error:
            _tell(error, error)

    flags.DEFINE_bool("debug", False, "Show where an error comes from.")
    app.run(guarded, flags_parser=_parsed)


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
