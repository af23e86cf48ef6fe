"""One picture for a first page: what rows predict of a test image, beside the truth."""

from collections.abc import Mapping, Sequence

import numpy as np

from mgm_tf.experiments.report import prediction_grids
from mgm_tf.experiments.report.prediction_grids import TaskMaps
from mgm_tf.experiments.report.runs import Run
from mgm_tf.plotting import colors, tiles
from mgm_tf.plotting.tiles import Tile

SMALLEST = 160  # pixels of a map
INPUT, TRUTH = "input", "truth"


def of_block(
    block: dict, runs: Mapping[str, Run], rows: Sequence[str], number: int
) -> np.ndarray:
    """Draws a line for each task: the image, what each row predicts, and the truth.

    Every map of a task has the colours of the truth's scale.

    Args:
      block: the record from `Blocks.of`.
      runs: the runs by name, of which the first seed of each row is drawn.
      rows: the names of the rows, from left to right; none: all of the block.
      number: the number of the test image, from 0.

    Returns:
      A picture uint8 [H, W, 3].

    Raises:
      ValueError: a row has left no predictions, or of another image.
    """
    by_name = {row["name"]: row for row in block["rows"]}
    maps = {
        name: prediction_grids.maps_of(by_name[name], runs) for name in rows or by_name
    }
    tasks = [column["task"] for column in block["columns"]]
    for name, of_row in maps.items():
        lacking = [task for task in tasks if task not in of_row]
        if lacking:
            raise ValueError(
                f"{block['title']}, {name}: expected a finished run with predictions "
                f"of {', '.join(lacking)} in its folder `exhibits/`; a record has none."
            )
    every = [one for of_row in maps.values() for one in of_row.values()]
    last = min(len(one.image) for one in every) - 1
    if not 0 <= number <= last:
        raise ValueError(f"Test image {number} was not kept; expected 0 to {last}.")
    image = every[0].image[number]
    if any(not np.array_equal(image, one.image[number]) for one in every):
        raise ValueError("The runs have left predictions of different images.")
    lines = []
    for line, task in enumerate(tasks):
        titled = not line
        photograph = image if titled else np.full_like(image, tiles.BACKGROUND[0])
        of_task = {name: of_row[task] for name, of_row in maps.items()}
        lines.append(
            [
                Tile(tiles.fit(photograph, SMALLEST), INPUT if titled else ""),
                *_predictions(of_task, number, titled=titled),
            ]
        )
    return tiles.grid(lines, tasks)


def _predictions(
    maps: Mapping[str, TaskMaps], number: int, *, titled: bool
) -> list[Tile]:
    """Returns the maps of a task by all rows, then the truth."""
    first = next(iter(maps.values()))
    target, valid = first.target[number], first.valid[number]
    ends = colors.value_range(first.info, target, valid)
    drawn = {
        name: colors.colorize(one.info, one.prediction[number], None, *ends)
        for name, one in maps.items()
    }
    drawn[TRUTH] = colors.colorize(first.info, target, valid, *ends)
    return [
        Tile(tiles.fit(pixels, SMALLEST), name if titled else "")
        for name, pixels in drawn.items()
    ]
