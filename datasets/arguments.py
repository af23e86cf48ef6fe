"""The command line that the modules which generate files have in common."""

import argparse
import pathlib

from datasets.files import streams


def parser(description: str) -> argparse.ArgumentParser:
    """Returns a parser of --output and --seed, to which a command adds its own.

    Args:
      description: the docstring of the command, shown by --help as it is written.
    """
    streams.prepare()
    result = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument(
        "--output", type=_folder, required=True, help="the folder to write"
    )
    result.add_argument(
        "--seed", type=int, default=0, help="the seed of all that is drawn (default: 0)"
    )
    return result


def _folder(text: str) -> pathlib.Path:
    return pathlib.Path(text).expanduser()
