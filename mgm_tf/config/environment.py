"""What libraries read of the environment when they are imported, set before they are.

Other projects leave their settings where this program would find them: a notebook its
way to draw, a user's `keras.json` another order of channels. What a person has set on
purpose, and is not followed, is said once.
"""

import json
import os
import pathlib
import sys
from collections.abc import MutableMapping

# With a `keras.json` of its own, Keras reads no other. It is asked for nothing else.
_KERAS_HOME = str(pathlib.Path(__file__).parent / "keras")
# variable -> the value that the program needs; None: it must not be set
NEEDED: dict[str, str | None] = {
    "KERAS_BACKEND": "tensorflow",
    "KERAS_HOME": _KERAS_HOME,
    "KERAS_MAX_EPOCHS": None,
    "KERAS_MAX_STEPS_PER_EPOCH": None,
    "TF_USE_LEGACY_KERAS": None,
}
# Of commands only: in a notebook that imports this package, its drawings stay its own.
NEEDED_BY_COMMANDS: dict[str, str | None] = {"MPLBACKEND": "Agg"}
# What is best where nobody has said otherwise. oneDNN: TensorFlow uses it only on CPUs
# with AVX-512 VNNI; on those with AVX2 alone a step takes 1.6 times as long without.
PREFERRED = {"TF_ENABLE_ONEDNN_OPTS": "1"}
# The folders of Keras' settings say nothing on purpose; what is in them may.
_SILENT = frozenset({"KERAS_HOME"})
_OPTION = "-m"  # of Python, in the place of its name while it looks for a module


def prepare(
    environment: MutableMapping[str, str] = os.environ, *, is_command: bool = False
) -> list[str]:
    """Sets what the program needs, before anything that reads it is imported.

    Args:
      environment: the variables of the environment.
      is_command: whether a command of the program is starting.

    Returns:
      A sentence for each setting that somebody has made and that is not followed.
    """
    for name, value in PREFERRED.items():
        environment.setdefault(name, value)
    sentences = _other_keras_settings(environment)
    for name, value in (NEEDED | (NEEDED_BY_COMMANDS if is_command else {})).items():
        given = environment.get(name)
        if value is None:
            environment.pop(name, None)
        else:
            environment[name] = value
        if given and given != value and name not in _SILENT:
            instead = f"; {value} is" if value else ""
            sentences.append(f"{name}={given} of the environment is not used{instead}.")
    return sentences


def starts_command() -> bool:
    """Returns whether Python was started as `python -m mgm_tf.…`."""
    return _OPTION in sys.argv[:1]


def _other_keras_settings(environment: MutableMapping[str, str]) -> list[str]:
    """Says which settings of a user's `keras.json` are not followed."""
    folder = environment.get("KERAS_HOME") or os.path.expanduser("~/.keras")
    path = pathlib.Path(folder) / "keras.json"
    if not path.is_file():
        return []
    try:
        theirs = json.loads(path.read_text())
        ours = json.loads((pathlib.Path(_KERAS_HOME) / "keras.json").read_text())
        others = [f"{k}={theirs[k]}" for k in ours if theirs.get(k, ours[k]) != ours[k]]
    except (OSError, ValueError, AttributeError):
        return []
    return [f"{path}: {', '.join(others)} is not used."] if others else []
