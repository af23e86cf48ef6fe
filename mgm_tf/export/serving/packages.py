"""The packages that only serving needs, imported when they are."""

import importlib
import types

REQUIREMENTS = "requirements-serving.txt"


class NotInstalled(ValueError):
    """An error of a package that is asked for and not installed."""


def module(name: str) -> types.ModuleType:
    """Imports a module of `tensorflow-serving-api` or `grpcio`.

    Raises:
      NotInstalled: the package is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NotInstalled(
            f"{name} is not installed, which only serving needs: "
            f"`pip install -r {REQUIREMENTS}` brings it."
        ) from error


def api(name: str) -> types.ModuleType:
    """Imports a module of `tensorflow_serving.apis`.

    Raises:
      NotInstalled: the package is not installed.
    """
    return module(f"tensorflow_serving.apis.{name}")
