"""Which buildings and frames train, select and test a model."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

SEED = 0
SPLITS = ("train", "validation", "test")

# The official "tiny" subset of Taskonomy by building.
_OFFICIAL = {
    "train": """
        hanson merom klickitat onaga leonardo marstons newfields pinesdale lakeville
        cosmos benevolence pomaria tolstoy shelbyville allensville wainscott beechwood
        coffeen stockman hiteman woodbine lindenwood forkland mifflinburg ranchester
        """,
    "validation": "wiconisco corozal collierville markleeville darden",
    "test": "ihlen muleshoe uvalda noxapater mcdade",
}
OFFICIAL = {split: tuple(names.split()) for split, names in _OFFICIAL.items()}
TINY = tuple(name for names in OFFICIAL.values() for name in names)
THREE_BUILDINGS = ("allensville", "benevolence", "coffeen")

# protocol: buildings it uses, all that there are if empty
PROTOCOLS = {"random": (), "official": TINY, "three_buildings": THREE_BUILDINGS}
# Images that every scene has in the paper; those of the three buildings are 17404 in
# all, too few for that.
MINIMUM_PER_SCENE = {"random": 1000, "official": 1000, "three_buildings": 0}


def choose_buildings(protocol: str, found: Iterable[str]) -> list[str]:
    """Returns the buildings that a protocol uses of those found, sorted.

    Raises:
      ValueError: it uses none of them.
    """
    found = sorted(found)
    listed = PROTOCOLS[protocol]
    names = [name for name in found if not listed or name in listed]
    if not names:
        raise ValueError(
            f"The protocol {protocol!r} is about the buildings {', '.join(listed)}; "
            f"found only {', '.join(found)}. The protocol 'random' takes any."
        )
    return names


def random_splits(names: Sequence[str], buildings: Sequence[str]) -> np.ndarray:
    """Returns the split of each frame, its number in `SPLITS`, [frames] int8.

    The paper's 80/10/10 by image: of the names in sorted order, permuted by
    `numpy.random.default_rng(0)`, the first floor(0.8 n) train, the next floor(0.1 n)
    validate, the others test; 286740, 35842 and 35844 of the paper's 358426.

    Raises:
      ValueError: fewer than ten frames.
    """
    frames = len(names)
    if frames < 10:
        raise ValueError(
            f"Expected at least 10 frames to split in 80/10/10, found {frames}."
        )
    split = np.full(frames, SPLITS.index("test"), np.int8)
    order = np.argsort(np.asarray(names))[
        np.random.default_rng(SEED).permutation(frames)
    ]
    train, validation = frames * 8 // 10, frames // 10
    split[order[:train]] = SPLITS.index("train")
    split[order[train : train + validation]] = SPLITS.index("validation")
    return split


def official_splits(names: Sequence[str], buildings: Sequence[str]) -> np.ndarray:
    """Returns the split of each frame, that of its building: [frames] int8.

    Raises:
      ValueError: a split is empty.
    """
    split_of = {b: k for k, split in enumerate(SPLITS) for b in OFFICIAL[split]}
    split = np.array([split_of[name] for name in buildings], np.int8)
    for number, name in enumerate(SPLITS):
        if number not in split:
            raise ValueError(
                f"The official split {name!r} is empty: expected frames of "
                f"{', '.join(OFFICIAL[name])}; found only those of "
                f"{', '.join(sorted(set(buildings)))}. The protocol 'random' splits "
                "what is there by image."
            )
    return split


SPLIT_BY: Mapping[str, Callable[..., np.ndarray]] = {
    "random": random_splits,
    "official": official_splits,
    "three_buildings": random_splits,
}


def frequent_scenes(scenes: np.ndarray, number: int) -> dict[int, int]:
    """Returns the `number` most frequent scenes and their counts, by scene.

    Of two that are equally frequent, the lower number is taken.
    """
    classes, counts = np.unique(scenes, return_counts=True)
    first = np.argsort(-counts, kind="stable")[:number]
    return {int(classes[k]): int(counts[k]) for k in np.sort(first)}
