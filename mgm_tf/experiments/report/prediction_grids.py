"""Figures 4 and 6: predictions and errors of several rows on the same test images."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from datasets.metadata import TaskInfo
from mgm_tf.experiments.report.layout import Drawing
from mgm_tf.experiments.report.runs import Run
from mgm_tf.plotting import colors, tiles
from mgm_tf.plotting.tiles import Tile

SMALLEST = 96  # pixels of a picture that is drawn
EXAMPLES = 4  # test images that are shown
GROUND_TRUTH = "ground truth"
KINDS = "prediction", "target", "valid"

Runs = Mapping[str, Run]


def predictions(table: dict, runs: Runs) -> list[Drawing]:
    """Draws predictions and errors of the rows above the ground truth."""
    return [one for block in table["blocks"] for one in _predictions(block, runs)]


def _predictions(block: dict, runs: Runs) -> list[Drawing]:
    every = {row["name"]: maps_of(row, runs) for row in block["rows"]}
    shown = {name: maps for name, maps in every.items() if maps}
    absent = [name for name in every if name not in shown]
    left_out = f" {' and '.join(absent)} left no predictions." if absent else ""
    title = f"{block['title']}: predictions and errors"
    if not shown:
        return [Drawing(title, "No run has left predictions of test images.")]
    image, *others = (one.image for maps in shown.values() for one in maps.values())
    if not all(np.array_equal(image, other) for other in others):
        return [Drawing(title, "The runs have left predictions of different images.")]
    drawings = []
    for number in range(min(EXAMPLES, len(image))):
        pixels = _comparison(shown, number)
        text = (
            f"Test image {number + 1}; below it the predictions of {', '.join(shown)}, "
            "each beside its error, and last the ground truth. The error maps of a "
            "task have one scale, from violet for none to yellow for the largest error "
            f"of all; black has no label.{left_out}"
        )
        drawings.append(Drawing(f"{title}, image {number + 1}", text, pixels=pixels))
    return drawings


@dataclasses.dataclass(frozen=True)
class TaskMaps:
    """What a run has left of a task: a row of `exhibits/predictions.npz` each image."""

    info: TaskInfo
    image: np.ndarray  # uint8 [K, S, S, 3]
    prediction: np.ndarray  # [K, S, S, C], physical values, as the target
    target: np.ndarray
    valid: np.ndarray  # [K, S, S]


def maps_of(row: dict, runs: Runs) -> dict[str, TaskMaps]:
    """Returns what the first seed of a row has left, by task; empty if nothing."""
    maps = {}
    for task, cell in row["cells"].items():
        run = first_run(cell, runs)
        arrays = run.report_arrays("predictions") if run else None
        if run and arrays and task in run.tasks and f"prediction_{task}" in arrays:
            kinds = (arrays[f"{kind}_{task}"] for kind in KINDS)
            maps[task] = TaskMaps(run.tasks[task], arrays["image"], *kinds)
    return maps


def _comparison(shown: Mapping[str, Mapping[str, TaskMaps]], number: int) -> np.ndarray:
    """Returns the picture of a test image."""
    every = {task: one for maps in shown.values() for task, one in maps.items()}
    ends = {task: _largest_error(task, shown, number) for task in every}
    image = next(iter(every.values())).image[number]
    rows = [[Tile(fit(image), "test image")]]
    for name, maps in shown.items():
        titled = name == next(iter(shown))
        rows.append(
            [
                tile
                for task in every
                for tile in _prediction(
                    task, maps.get(task), image, number, ends[task], titled
                )
            ]
        )
    rows.append(
        [
            tile
            for one in every.values()
            for tile in (_truth(one, number), _blank(image))
        ]
    )
    return tiles.grid(rows, ["", *shown, GROUND_TRUTH])


def _largest_error(
    task: str, shown: Mapping[str, Mapping[str, TaskMaps]], number: int
) -> float:
    """Returns the largest error of all rows: their error maps have one scale."""
    return max(
        colors.largest_error(
            one.info, one.prediction[number], one.target[number], one.valid[number]
        )
        for maps in shown.values()
        if (one := maps.get(task)) is not None
    )


def _prediction(
    task: str,
    one: TaskMaps | None,
    image: np.ndarray,
    number: int,
    end: float,
    titled: bool,
) -> tuple[Tile, Tile]:
    titles = (task, "error") if titled else ("", "")
    if one is None:
        return _blank(image, titles[0]), _blank(image, titles[1])
    target, valid = one.target[number], one.valid[number]
    prediction = one.prediction[number]
    labelled = (target, valid) if valid.any() else (prediction, None)
    ends = colors.value_range(one.info, *labelled)
    error, words = colors.error_map(one.info, prediction, target, valid, end)
    picture = colors.colorize(one.info, prediction, None, *ends)
    return Tile(fit(picture), titles[0]), Tile(fit(error), titles[1], words)


def _truth(one: TaskMaps, number: int) -> Tile:
    target, valid = one.target[number], one.valid[number]
    return Tile(fit(colors.colorize(one.info, target, valid)))


def _blank(image: np.ndarray, title: str = "") -> Tile:
    return Tile(np.full_like(fit(image), tiles.BACKGROUND[0]), title)


def fit(picture: np.ndarray) -> np.ndarray:
    """Returns a picture [H, W, 3] in the size of a report's grids."""
    return tiles.fit(picture, smallest=SMALLEST)


def first_run(cell: dict, runs: Runs) -> Run | None:
    """Returns the finished run of the lowest seed."""
    names = cell["runs"]
    return runs[names[min(names, key=int)]] if names else None
