"""What the command lines share: how they start and how they report an error."""

import importlib
import logging
import pathlib
import sys
from collections.abc import Callable, Mapping
from typing import cast

from absl import app, flags
from absl import logging as absl_logging

from datasets.files import streams
from mgm_tf.config import flag_files, paths, saved, signals, steady_streams
from mgm_tf.errors import Interrupted, NotFinite, WorkerLost, damaged_example

_COMMENT_HINT = " (Comments of a flag file stand on lines of their own.)"

# What a user can mend is reported in a sentence and not as a stack of calls.
_REPORTED = (ValueError, OSError, Interrupted, NotFinite, WorkerLost)
_CODES: dict[type, int] = {Interrupted: signals.EXIT_CODE}
_TENSORFLOW = "tensorflow"
# Keras imports them if they are there, for wrappers and galleries that nothing here
# uses: a fifth of the time.
_UNUSED_BY_KERAS = {"sklearn", "matplotlib.pyplot"}

# Acts, and returns the exit code; None for 0.
Main = Callable[[], int | None]


def workdir_flag() -> None:
    """Defines --workdir."""
    flags.DEFINE_string(
        "workdir", None, "The folder of the run that is read.", required=True
    )


def saved_model_flag() -> None:
    """Defines `--saved_model` of the commands that use an exported model."""
    flags.DEFINE_string(
        "saved_model",
        None,
        "The folder of an exported model, or of one of its versions.",
        required=True,
    )


def checkpoint_flag() -> None:
    """Defines --checkpoint."""
    flags.DEFINE_enum(
        "checkpoint",
        saved.BEST,
        saved.CHECKPOINTS,
        "The checkpoint whose weights are used. best: the one with the best score on "
        "the validation examples; best_of_joint: the best of stage 3, in which all "
        "networks are trained together; last: the last one.",
    )


def debug_flag() -> None:
    """Defines --debug."""
    flags.DEFINE_bool(
        "debug", False, "Whether an error is shown with the stack of calls it is from."
    )


def grace_flag() -> None:
    """Defines --grace_s."""
    flags.DEFINE_float(
        "grace_s",
        30.0,
        "The seconds that a command has to stop after SIGTERM, SIGINT or SIGHUP; then "
        "it is ended. In either case it ends with exit code 75: the same command goes "
        "on from there.",
        lower_bound=0.0,
    )


def allow_other_data_flag() -> None:
    """Defines --allow_other_data."""
    flags.DEFINE_bool(
        "allow_other_data",
        False,
        "Whether the networks may be used on other data than those with which the run "
        "began; the result says so.",
    )


def load_tensorflow() -> None:
    """Imports TensorFlow, and says so: it takes seconds.

    A command calls it when its flags are checked, and has what needs TensorFlow among
    its `epy.lazy_imports()`: a wrong flag is told at once, and a signal that comes
    while libraries are imported stops the command as any other does.
    """
    if _TENSORFLOW in sys.modules:
        return
    print("Loading TensorFlow …", file=sys.stderr, flush=True)
    hidden = dict.fromkeys(_UNUSED_BY_KERAS - set(sys.modules))
    sys.modules.update(cast(dict, hidden))
    try:
        importlib.import_module(_TENSORFLOW)
    finally:
        for name in hidden:
            del sys.modules[name]


def workdir() -> pathlib.Path:
    """Returns the folder of the run."""
    return pathlib.Path(flags.FLAGS.workdir)


def run(main: Main | Mapping[str, Main]) -> None:
    """Parses the flags and calls `main`; paths among the flags become absolute.

    Args:
      main: the function of the command; or the functions of several commands by name,
        of which the first word of the command line selects one.
    """

    def guarded(arguments: list[str]) -> None:
        absl_logging.set_verbosity(absl_logging.WARNING)
        logging.getLogger(_TENSORFLOW).setLevel(logging.ERROR)
        act = _selected(main, arguments[1:])
        try:
            with signals.handled(flags.FLAGS.grace_s):
                code = act()
                sys.stdout.flush()
                sys.exit(code)
        except KeyboardInterrupt:
            print("\nStopped: give the same command again.", file=sys.stderr)
            sys.exit(signals.EXIT_CODE)
        except _REPORTED as error:
            _report(error, error)
        except Exception as error:
            # What a graph raises when it cannot read an example says so in its text.
            _report(damaged_example(error), error)

    streams.prepare()
    debug_flag()
    grace_flag()
    with steady_streams.steady():
        app.run(guarded, flags_parser=_parsed)


def _selected(main: Main | Mapping[str, Main], words: list[str]) -> Main:
    """Returns the function for the words of the command line that are no flags."""
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


def _report(explained: BaseException | None, error: BaseException) -> None:
    """Ends the process with `explained` in a sentence.

    Raises:
      BaseException: `error` itself, with --debug or if it is not explained.
    """
    if flags.FLAGS.debug or explained is None:
        raise error
    print(f"\n{type(explained).__name__}: {explained}", file=sys.stderr)
    sys.exit(_CODES.get(type(explained), 2))


def _parsed(arguments: list[str]) -> list[str]:
    """Parses the flags; by itself absl ends with 1, as if something had been done."""
    try:
        words = flags.FLAGS(flag_files.expanded(arguments))
    except (flags.Error, OSError, ValueError) as error:
        hint = _COMMENT_HINT * (" #" in str(error))
        print(f"{error}{hint}\n--helpshort lists the flags.", file=sys.stderr)
        sys.exit(2)
    for name in paths.FLAGS & set(flags.FLAGS):
        flags.FLAGS[name].value = paths.absolute_value(flags.FLAGS[name].value)
    return words
