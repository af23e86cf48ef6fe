"""What is wrong with an answer is said, by hand-made answers."""

import pytest

from mgm_tf.export.serving import rest_check

SHAPES = {"depth": [-1, 1, 2], "segmentation_probabilities": [-1, 1, 1, 2]}


def answer(depth=((1.0, 2.0),), probabilities=(0.25, 0.75)):
    return {
        "depth": [[list(row) for row in depth]],
        "segmentation_probabilities": [[[list(probabilities)]]],
    }


def test_a_sound_answer_has_no_problem():
    assert rest_check.problems_of(answer(), SHAPES) == []


@pytest.mark.parametrize(
    ("outputs", "problem"),
    [
        ({"depth": [[[1.0, 2.0]]]}, "outputs are ['depth'], not ['depth', 'seg"),
        (answer(depth=((1.0, 2.0, 3.0),)), "depth has shape [1, 1, 3], not [1, 1, 2]"),
        (answer(depth=((1.0, float("nan")),)), "depth has values that are no finite"),
        (answer(probabilities=(0.25, 0.5)), "probabilities does not sum to 1"),
        (answer(probabilities=(-0.5, 1.5)), "probabilities has values outside 0..1"),
    ],
)
def test_a_problem_is_named(outputs, problem):
    (found,) = rest_check.problems_of(outputs, SHAPES)
    assert problem in found


def test_differences_beyond_the_tolerance_are_named():
    known = {"depth": {"shape": [1, 1, 2], "places": [0, 1], "values": [1.0, 200.0]}}
    near = {"depth": [[[1.009, 201.9]]]}  # 1 % of max(1, |value|)
    far = {"depth": [[[1.009, 203.0]]]}
    assert rest_check.differences(near, known) == []
    assert rest_check.differences(far, known) == ["depth is 203 where it should be 200"]
    assert (
        "has shape [1, 1, 1]" in rest_check.differences({"depth": [[[1.0]]]}, known)[0]
    )
