"""Which frames train, select and test a model."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

SEED = 0
OFFICIAL_FRAMES = 1449

# The paper's Section 4.1: 1049 frames train, 200 validate, 200 test.
_PAPER = (1049, 200, 200)

# NYU's raw data have recordings in parts: `bedroom_0125a`, `bedroom_0125b`.
_PART_OF_A_RECORDING = re.compile(r"(?<=\d)[a-z]$")

# Official indices (from 1) of the 795 training frames, `splits.mat` of the data set.
_OFFICIAL_TRAIN = """
3-8 10-13 19-20 22-27 44-45 48-55 58 64-75 80-83 92-116 120-124 130 135-136 138-152
156-166 170 177-179 203-206 213-219 223-249 251-263 265-270 274-278 286-295 303-309
313-314 318-324 336-350 353-354 365-383 391-394 398-410 415-429 436-440 449-461 467-468
478-507 514 527-530 534-536 540-548 552-554 572-578 584-590 595-602 608-611 614-616
622-632 639-643 646-649 652-655 659-662 665-667 674-675 682-685 691-692 695-696 700-705
714-716 719-723 729-730 735-742 745-758 788-799 805-809 815-820 824-832 847-849 853-856
863-868 872-905 909-916 920-925 929-931 936-944 948-958 963-964 968-969 978-990 996-1000
1005-1009 1013-1020 1024-1031 1035-1037 1040-1047 1050-1051 1054-1056 1059-1074
1085-1087 1097 1105 1110-1116 1120-1122 1132-1134 1137-1143 1159-1161 1168-1169
1172-1173 1177-1178 1185-1191 1197-1200 1213-1215 1221-1225 1231-1232 1236-1246
1251-1253 1266-1274 1281-1284 1296 1300-1301 1309-1313 1316-1328 1333-1334 1341-1346
1350-1352 1357-1363 1366-1367 1370-1383 1392-1393 1402-1406 1415-1420 1425-1429
1434-1440
"""


def paper_splits(frames: int) -> dict[str, np.ndarray]:
    """Returns the paper's random split of all frames as sorted indices from 0.

    The frames in the order of `numpy.random.default_rng(0).permutation(frames)`: the
    first 1049 train, the next 200 validate, the last 200 test.

    Interpretation: a file of fewer frames is split in the same proportions.

    Raises:
      ValueError: too few frames for three splits.
    """
    train, validation, _ = _paper_sizes(frames)
    order = np.random.default_rng(SEED).permutation(frames)
    return _named(np.split(order, [train, train + validation]))


def official_splits(frames: int) -> dict[str, np.ndarray]:
    """Returns the official split, 795 frames for training and 654 for testing.

    Interpretation: the official split has no validation part. Runs of neighbouring
    training frames, drawn with a fixed seed, are held out as one until they are a
    tenth: 79 frames, so that 716 train. No scene has frames in two runs, hence models
    are selected on scenes that they were not trained on, and never on the test frames.

    Raises:
      ValueError: the file does not hold all 1449 frames.
    """
    if frames != OFFICIAL_FRAMES:
        raise ValueError(
            f"The official split is one of all {OFFICIAL_FRAMES} frames, but the file "
            f"holds {frames}. A part of the data can be split by the paper's protocol: "
            "choose the config paper_64, paper_128 or paper_256."
        )
    runs = [np.arange(first - 1, last) for first, last in official_train_runs()]
    order = np.random.default_rng(SEED).permutation(len(runs))
    lengths = np.cumsum([len(runs[k]) for k in order])
    held_out = 1 + np.searchsorted(lengths, lengths[-1] // 10)
    train = np.concatenate([runs[k] for k in order[held_out:]])
    validation = np.concatenate([runs[k] for k in order[:held_out]])
    test = np.setdiff1d(np.arange(frames), np.concatenate(runs))
    return _named([train, validation, test])


def scene_splits(
    scenes: Sequence[str], scene_types: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns a split in which no recording has frames in two parts.

    Parts have the sizes of the paper's protocol, as nearly as whole recordings allow,
    and the types of scenes in proportion. A recording of each type trains, whatever
    else does, so that there is an example of each.

    Interpretation: the paper splits by frame, so that most test frames have a frame of
    the same room in training. This split asks for rooms that were never seen.

    Args:
      scenes: the name of each frame's recording, such as `kitchen_0004`; the parts of
        one, `kitchen_0004a` and `kitchen_0004b`, count as one.
      scene_types: the type of each frame's scene, such as `kitchen`.

    Returns:
      Sorted indices from 0 by the name of a part.

    Raises:
      ValueError: there are too few frames or recordings for three parts.
    """
    frames_of: dict[str, list[int]] = {}
    for index, scene in enumerate(scenes):
        recording = _PART_OF_A_RECORDING.sub("", scene)
        frames_of.setdefault(recording, []).append(index)
    type_of = {name: scene_types[frames_of[name][0]] for name in frames_of}
    left = _drawn_in_turn(type_of)
    _, validation_size, test_size = _paper_sizes(len(scenes))
    test, left = _fill(left, frames_of, test_size)
    validation, left = _fill(left, frames_of, validation_size)
    if not test or not validation:
        raise ValueError(
            "Expected, beside a recording of each type of scene that trains, others to "
            f"validate and test; there are {len(frames_of)} recordings of "
            f"{len(set(type_of.values()))} types."
        )
    train = np.setdiff1d(np.arange(len(scenes)), [*test, *validation])
    return _named([train, np.array(validation), np.array(test)])


def _drawn_in_turn(type_of: Mapping[str, str]) -> list[str]:
    """Returns the recordings but one of each type; a beginning has types in proportion.

    Args:
      type_of: the type of each recording's scene.
    """
    rng = np.random.default_rng(SEED)
    place: dict[str, float] = {}
    for scene_type in sorted(set(type_of.values())):
        names = sorted(name for name in type_of if type_of[name] == scene_type)
        _, *free = rng.permutation(names).tolist()
        offset = rng.uniform()
        place |= {name: (k + offset) / len(free) for k, name in enumerate(free)}
    return sorted(place, key=lambda name: place[name])


def _fill(
    names: Sequence[str], frames_of: Mapping[str, list[int]], size: int
) -> tuple[list[int], list[str]]:
    """Returns at most `size` frames of whole recordings, and the recordings left."""
    frames: list[int] = []
    left = []
    for name in names:
        if len(frames) + len(frames_of[name]) <= size:
            frames += frames_of[name]
        else:
            left.append(name)
    return frames, left


def official_train_runs() -> list[tuple[int, int]]:
    """Returns the first and last official index (from 1) of each run of frames."""
    runs = [run.split("-") for run in _OFFICIAL_TRAIN.split()]
    return [(int(run[0]), int(run[-1])) for run in runs]


def _paper_sizes(frames: int) -> tuple[int, int, int]:
    """Returns the sizes of the three parts of `frames` in the paper's proportions."""
    train, validation = (round(frames * part / sum(_PAPER)) for part in _PAPER[:2])
    test = frames - train - validation
    if min(train, validation, test) < 1:
        raise ValueError(f"Expected at least 6 frames to split in three, not {frames}.")
    return train, validation, test


def _named(parts: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    # Sorted, because the frames are read fastest in the order of the file.
    names = ("train", "validation", "test")
    return {k: np.sort(part) for k, part in zip(names, parts, strict=True)}


# protocol: (frames) -> parts
BY_FRAME = {"paper": paper_splits, "official": official_splits}
# protocol: (scenes, scene types) -> parts
BY_SCENE = {"scene": scene_splits}
PROTOCOLS = (*BY_FRAME, *BY_SCENE)
