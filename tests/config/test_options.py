"""Options as flags, and the length of a stage in words and in steps."""

import pytest

from mgm_tf.config.options import StageLength


@pytest.mark.parametrize(
    ("text", "amount", "in_epochs"),
    [
        ("100epochs", 100, True),
        ("0.5 epochs", 0.5, True),
        (" 2000steps ", 2000, False),
        ("0steps", 0, False),
    ],
)
def test_a_length_is_an_amount_and_a_unit(text, amount, in_epochs):
    assert StageLength.parse(text) == StageLength(amount, in_epochs)


@pytest.mark.parametrize(
    "text", ["", "100", "epochs", "-1steps", "1e3steps", "3 hours", "5epoch", "5stepsx"]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="100epochs or 2000steps; received") as refusal:
        StageLength.parse(text)
    assert repr(text) in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "steps"),
    # Of 100 examples in batches of 32: an epoch is 3.125 steps.
    [
        ("8epochs", 25),
        ("1epochs", 3),
        ("0.5 epochs", 2),
        ("0.01epochs", 1),
        ("7steps", 7),
        ("0steps", 0),
        ("0epochs", 0),
    ],
)
def test_a_length_is_counted_in_steps(text, steps):
    assert StageLength.parse(text).steps(examples=100, batch_size=32) == steps


def test_an_epoch_has_as_many_steps_as_batches():
    two, one, more = (StageLength(n, in_epochs=True) for n in (2, 1, 1.25))
    assert two.steps(examples=64, batch_size=32) == 4
    # 3.125 and 3.9 are counted as 3 and 4.
    assert one.steps(examples=100, batch_size=32) == 3
    assert more.steps(examples=100, batch_size=32) == 4


def test_steps_are_steps_whatever_the_data():
    assert StageLength(7, in_epochs=False).steps(examples=1, batch_size=500) == 7


def test_a_length_above_zero_has_at_least_one_step():
    short, *empty = (
        StageLength(0.001, in_epochs=True),
        StageLength(0, in_epochs=True),
        StageLength(0, in_epochs=False),
    )
    assert short.steps(examples=10, batch_size=32) == 1
    for length in empty:
        assert length.steps(examples=10, batch_size=32) == 0
