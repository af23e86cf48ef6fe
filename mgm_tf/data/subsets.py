"""Which training examples are labelled, and which have an image label only.

One order of the examples decides: a labelled fraction is a beginning of it, so that
5 % is part of 10 %, that of 25 %, and so on; a weak set is what follows, so that no
example is in both. The order is a function of a seed and of the image labels, the same
on every machine.
"""

import numpy as np

# Up to here a fraction is stratified by scene (section 4.1: at 10 % of NYUv2 there are
# "around 3 images for each scene").
STRATIFIED_PERCENT = 10.0


def nested_order(presence: np.ndarray, seed: int) -> np.ndarray:
    """Returns the examples in the order in which fractions take them.

    Interpretation: a fraction is drawn at random; its first tenth of all examples is
    stratified: one example of every class, then classes in proportion.

    Args:
      presence: the image labels, [examples, classes] booleans; a row of False where
        none is known.
      seed: the seed of the order.

    Returns:
      A permutation [examples].
    """
    shuffled = np.random.default_rng(seed).permutation(len(presence))
    presence = presence[shuffled]
    stratified = np.concatenate([_cover(presence), _proportional(presence)])
    tenth = round(len(presence) * STRATIFIED_PERCENT / 100)
    begin = stratified[: max(tenth, len(_cover(presence)))]
    rest = np.setdiff1d(np.arange(len(presence)), begin)
    return shuffled[np.concatenate([begin, rest])]


def labelled(order: np.ndarray, presence: np.ndarray, percent: float) -> np.ndarray:
    """Returns the numbers of the labelled examples, in ascending order.

    Args:
      order: a permutation by `nested_order`.
      presence: the image labels, as given to `nested_order`.
      percent: the labelled percentage of all examples.

    Raises:
      ValueError: there would be no example, or, where fractions are stratified, not one
        of every class.
    """
    count = _count(order, percent)
    selected = order[:count]
    missing = int(np.sum(presence.any(0) & ~presence[selected].any(0)))
    if not count or (percent <= STRATIFIED_PERCENT and missing):
        raise ValueError(
            f"--labelled_percent={percent:g}: {percent:g} % of {len(order)} training "
            f"examples are {count}, too few for one of each of the "
            f"{int(presence.any(0).sum())} scenes."
        )
    return np.sort(selected)


def weak(order: np.ndarray, percent: float, weak_percent: float) -> np.ndarray:
    """Returns the numbers of the examples after the labelled ones, ascending.

    Args:
      order: a permutation by `nested_order`.
      percent: the percentage of all examples that are labelled.
      weak_percent: the percentage that has an image label only.

    Raises:
      ValueError: there are not so many left.
    """
    both = percent + weak_percent
    begin, end = _count(order, percent), _count(order, min(both, 100.0))
    if both > 100 or begin == end:
        raise ValueError(
            f"No weak set of {weak_percent:g} % (--weak_percent) can stand beside "
            f"{percent:g} % labelled examples (--labelled_percent): "
            f"{len(order) - begin} of {len(order)} training examples are left."
        )
    return np.sort(order[begin:end])


def hold_out(
    numbers: np.ndarray, percent: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divides examples into two parts at random, each in ascending order.

    Args:
      numbers: the numbers of the examples, [n].
      percent: the percentage of them that is in the second part.
      seed: the seed of the division.

    Returns:
      The numbers of the first and of the second part.

    Raises:
      ValueError: one part would have fewer than two examples.
    """
    held_out = _count(numbers, percent)
    if min(held_out, len(numbers) - held_out) < 2:
        raise ValueError(
            f"{len(numbers)} labelled examples are too few to hold {percent:g} % of "
            "them out: both parts need two."
        )
    order = np.random.default_rng([seed, 1]).permutation(numbers)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _count(order: np.ndarray, percent: float) -> int:
    # Half up, as one counts by hand: 52.5 examples are 53.
    return int(np.floor(len(order) * percent / 100 + 0.5))


def _cover(presence: np.ndarray) -> np.ndarray:
    """Returns the first example of every class not yet covered, rare classes first."""
    covered = np.zeros(presence.shape[1], bool)
    numbers = []
    for number in np.argsort(presence.sum(0), kind="stable"):
        if presence[:, number].any() and not covered[number]:
            numbers.append(int(np.argmax(presence[:, number])))
            covered |= presence[numbers[-1]]
    return np.array(numbers, int)


def _proportional(presence: np.ndarray) -> np.ndarray:
    """Returns all but the cover, in turns that keep every class's share.

    The k-th of a class's n examples comes at (k + 1/2) / n of the way. An image with
    several labels counts for its rarest, one without any for a class of its own.
    """
    rarity = np.where(presence, presence.sum(0), len(presence) + 1)
    stratum = (
        np.where(presence.any(1), np.argmin(rarity, axis=1), -1)
        if presence.shape[1]
        else np.full(len(presence), -1)
    )
    taken = np.zeros(len(presence), bool)
    taken[_cover(presence)] = True
    place = np.zeros(len(presence))
    for number in np.unique(stratum):
        members = np.flatnonzero(stratum == number)
        # The examples of the cover come first.
        members = members[np.argsort(~taken[members], kind="stable")]
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    order = np.argsort(place, kind="stable")
    return order[~taken[order]]
