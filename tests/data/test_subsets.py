"""Labelled fractions and weak sets: nested, disjoint, stratified, the same always."""

import numpy as np
import pytest

from mgm_tf.data import subsets

# Scene types of NYUv2's 1449 frames, very uneven; here 1049 of them at random.
COUNTS = (7, 121, 383, 36, 5, 49, 6, 5, 4, 117, 3, 4, 27, 50, 5, 2, 225, 3, 221, 78)
COUNTS += (10, 31, 3, 17, 5, 25, 7)
PERCENTS = (5, 10, 25, 50, 100)
# Of ten images each of two scenes, seed 0.
EXPECTED = [4, 19, 6, 2, 13, 16, 3, 11, 10, 8, 0, 12, 7, 5, 18, 17, 14, 9, 1, 15]


def one_hot(scenes, classes):
    return np.asarray(scenes)[:, None] == np.arange(classes)


@pytest.fixture(scope="module")
def presence():
    frames = np.repeat(np.arange(27), COUNTS)
    return one_hot(np.random.default_rng(3).permutation(frames)[:1049], 27)


@pytest.fixture(scope="module")
def order(presence):
    return subsets.nested_order(presence, seed=0)


def test_sizes_are_those_of_the_paper(order, presence):
    sizes = {p: len(subsets.labelled(order, presence, p)) for p in PERCENTS}
    assert sizes == {5: 52, 10: 105, 25: 262, 50: 525, 100: 1049}


def test_fractions_are_nested(order, presence):
    fractions = [set(subsets.labelled(order, presence, p)) for p in PERCENTS]
    for smaller, larger in zip(fractions, fractions[1:], strict=False):
        assert smaller < larger
    assert fractions[-1] == set(range(1049))


@pytest.mark.parametrize("percent", PERCENTS[:-1])
@pytest.mark.parametrize("weak_percent", [25, 50, 75])
def test_weak_sets_are_apart_from_the_labelled(order, presence, percent, weak_percent):
    if percent + weak_percent > 100:
        with pytest.raises(
            ValueError, match=f"No weak set of {weak_percent} % .* are left"
        ):
            subsets.weak(order, percent, weak_percent)
        return
    labelled = subsets.labelled(order, presence, percent)
    weak = subsets.weak(order, percent, weak_percent)
    assert abs(len(weak) - 1049 * weak_percent / 100) < 1
    assert not set(labelled) & set(weak)
    assert len(set(weak)) == len(weak)


@pytest.mark.parametrize("percent", [5, 10])
def test_small_fractions_have_every_scene_in_proportion(order, presence, percent):
    chosen = presence[subsets.labelled(order, presence, percent)].sum(0)
    share = presence.sum(0) * percent / 100
    assert np.all(chosen >= (presence.sum(0) > 0))
    # Scenes that are many give way to those that would have none.
    assert np.all(chosen <= np.maximum(np.ceil(share) + 1, 1))
    many = share > 5
    assert np.all(chosen[many] >= 0.5 * share[many])


def test_a_stratified_tenth_by_hand():
    # 20 of one scene, 10 of another, of 30: 10 % are two of the one, one of the other.
    presence = one_hot([0] * 20 + [1] * 10, 2)
    for seed in range(5):
        order = subsets.nested_order(presence, seed)
        chosen = presence[subsets.labelled(order, presence, 10)].sum(0)
        assert tuple(chosen) == (2, 1)


def test_the_order_is_a_function_of_the_seed():
    presence = one_hot([0, 1] * 10, 2)
    # Written down once: on every machine it is this.
    assert subsets.nested_order(presence, 0).tolist() == EXPECTED
    assert subsets.nested_order(presence, 1).tolist() != EXPECTED


def test_an_image_with_several_labels_covers_all_of_them():
    # The third image has both rare classes: one image is enough for them.
    presence = np.zeros((40, 3), bool)
    presence[:, 0] = True
    presence[2, 1:] = True
    order = subsets.nested_order(presence, 0)
    assert subsets.labelled(order, presence, 5).tolist()[0] == 2


def test_without_labels_a_fraction_is_random():
    nothing = np.zeros((40, 0), bool)
    order = subsets.nested_order(nothing, 0)
    assert sorted(order) == list(range(40))
    assert len(subsets.labelled(order, nothing, 10)) == 4


def test_too_small_a_fraction_is_refused():
    presence = one_hot(np.arange(20) % 5, 5)
    order = subsets.nested_order(presence, 0)
    with pytest.raises(ValueError, match="5 % of 20 training examples are 1, too few"):
        subsets.labelled(order, presence, 5)
    # Above the stratified fractions nothing is promised.
    assert len(subsets.labelled(order, presence, 11)) == 2


# --- What policies learn from -------------------------------------------------------


def test_a_part_is_held_out_of_the_labelled_ones():
    numbers = np.arange(100, 200)
    rest, held_out = subsets.hold_out(numbers, 20, seed=0)
    assert (len(rest), len(held_out)) == (80, 20)
    for part in (rest, held_out):
        np.testing.assert_array_equal(part, np.sort(part))
    np.testing.assert_array_equal(np.sort(np.concatenate([rest, held_out])), numbers)
    # At random: not the first, nor the last of them.
    assert held_out.min() < 130 and held_out.max() > 170


def test_who_is_held_out_is_a_function_of_the_seed():
    numbers = np.arange(50)
    first, again, other = (subsets.hold_out(numbers, 20, seed)[1] for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert set(first) != set(other)
    # Not the order by which fractions are chosen: those held out are no fraction.
    order = subsets.nested_order(np.zeros((50, 0), bool), 0)
    assert set(order[:10]) != set(first)


@pytest.mark.parametrize(("count", "percent"), [(7, 20), (10, 5), (3, 50), (10, 95)])
def test_two_are_needed_on_either_side(count, percent):
    with pytest.raises(ValueError, match=f"{count} labelled examples are too few"):
        subsets.hold_out(np.arange(count), percent, seed=0)


def test_the_smallest_set_that_can_be_parted():
    # 20 % of 8 are 1.6.
    rest, held_out = subsets.hold_out(np.arange(8), 20, seed=0)
    assert (len(rest), len(held_out)) == (6, 2)
