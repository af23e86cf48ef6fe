"""The help of every flag of every command is a sentence that stands alone."""

import contextlib
import re

import pytest
from absl import flags

from datasets.folder import example
from datasets.rooms import render
from mgm_tf.benchmark import __main__ as benchmark
from mgm_tf.config import command_line
from mgm_tf.data import __main__ as data
from mgm_tf.evaluate import __main__ as evaluate
from mgm_tf.experiments import __main__ as experiments
from mgm_tf.export import __main__ as export
from mgm_tf.predict import __main__ as predict
from mgm_tf.probe import __main__ as probe
from mgm_tf.train import __main__ as train
from tests.commands import flags_of

COMMANDS = (
    data,
    train,
    evaluate,
    probe,
    export,
    predict,
    experiments,
    benchmark,
    example,
    render,
)
FEWEST_WORDS = 5


@contextlib.contextmanager
def helps_of(module):
    """Defines a command's flags and gives their helps by name, without absl's flags."""
    others = set(flags.FLAGS)
    with flags_of(module):
        command_line.debug_flag()
        yield {
            name: without_additions(flags.FLAGS[name].help)
            for name in set(flags.FLAGS) - others
        }


def without_additions(text: str) -> str:
    """Returns a help without what absl adds: choices before it, a hint behind it."""
    text = re.sub(r"^<[^>]*>: ", "", text)
    return re.sub(r";\s+repeat this option to specify a list of values$", ".", text)


def is_sentence(text: str) -> bool:
    begins_well = text[:1].isupper() and not text.startswith("Of ")
    return begins_well and text.endswith(".") and len(text.split()) >= FEWEST_WORDS


@pytest.mark.parametrize("module", COMMANDS, ids=lambda module: module.__name__)
def test_the_help_of_a_flag_is_a_sentence(module):
    with helps_of(module) as helps:
        assert len(helps) > 1
        assert not {
            f"--{name}: {text}" for name, text in helps.items() if not is_sentence(text)
        }


@pytest.mark.parametrize(
    "text",
    [
        "The number of them and others",
        "Of the things of D.",
        "How many.",
        "so it is not one.",
    ],
)
def test_a_fragment_is_no_sentence(text):
    assert not is_sentence(text)


def test_a_sentence_is_one():
    assert is_sentence("The number of training images.")
