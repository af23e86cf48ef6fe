"""The length of a stage in words, and in steps."""

import pytest

from mgm_tf.config.lengths import StageLength


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("100epochs", 100, "epochs"),
        ("0.5 epochs", 0.5, "epochs"),
        (" 2000steps ", 2000, "steps"),
        ("0steps", 0, "steps"),
    ],
)
def test_a_length_is_an_amount_and_a_unit(text, amount, unit):
    assert StageLength.parse(text) == StageLength(amount, unit)


@pytest.mark.parametrize(
    "text", ["", "100", "epochs", "-1steps", "1e3steps", "3 hours", "5epoch", "5stepsx"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="100epochs or 2000steps; received") as refusal:
        StageLength.parse(text)
    assert repr(text) in str(refusal.value)


def test_an_epoch_has_as_many_steps_as_batches():
    assert StageLength(2, "epochs").steps(examples=64, batch_size=32) == 4
    # 3.125 and 3.9 are counted as 3 and 4.
    assert StageLength(1, "epochs").steps(examples=100, batch_size=32) == 3
    assert StageLength(1.25, "epochs").steps(examples=100, batch_size=32) == 4


def test_steps_are_steps_whatever_the_data():
    assert StageLength(7, "steps").steps(examples=1, batch_size=500) == 7


def test_there_is_one_step_unless_none_is_asked_for():
    assert StageLength(0.001, "epochs").steps(examples=10, batch_size=32) == 1
    assert StageLength(0, "epochs").steps(examples=10, batch_size=32) == 0
    assert StageLength(0, "steps").steps(examples=10, batch_size=32) == 0
