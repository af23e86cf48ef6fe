"""The drawings of a report: the paper's figures, and learning curves of its tables.

A figure is drawn from what runs leave in `exhibits/`; of a row, from its finished run
of the lowest seed.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from datasets.metadata import TaskInfo
from mgm_tf.experiments.report import curves, plots, prediction_grids
from mgm_tf.experiments.report.layout import Drawing
from mgm_tf.experiments.report.prediction_grids import first_run, fit
from mgm_tf.experiments.report.runs import Run
from mgm_tf.plotting import colors
from mgm_tf.plotting.panels import image_grid
from mgm_tf.plotting.tiles import Tile, grid

PAIRS = 8  # images that are shown beside their annotation
CLASSES, COLUMNS = 8, 6  # of generated images
SEGMENTATION = "segmentation"  # what an oracle annotates
PERCENT = re.compile(r"([\d.]+)\s*%")

Runs = Mapping[str, Run]
Maps = dict[str, np.ndarray]


def ratio_curves(table: dict, runs: Runs) -> list[Drawing]:
    """Draws Figure 5: a metric over the share of weak images, a line a method.

    Rows are named `MGM 25 %`; where the row has no number the block's counts.
    """
    drawings = []
    for dataset, blocks in _by_dataset(table):
        for column in blocks[0]["columns"]:
            title = f"{dataset}: {column['title']}"
            lines = _ratio_lines(blocks, column["task"])
            if not lines:
                drawings.append(Drawing(title, "No row with a percentage is finished."))
                continue
            axis = "weakly labelled images, percent of the training set"
            image = plots.svg(lines, axis, column["title"], markers=True)
            words = plots.in_words(lines, column["title"], axis)
            drawings.append(Drawing(title, words, image))
    return drawings


def samples(table: dict, runs: Runs) -> list[Drawing]:
    """Draws Figure 7: what each row generates of the same classes and noise."""
    return [_samples(block, runs) for block in table["blocks"]]


def oracle(table: dict, runs: Runs) -> list[Drawing]:
    """Draws Figure 8: images and the labels that the oracle gave them."""
    return [_oracle(block, runs) for block in table["blocks"]]


DRAWINGS: dict[str, Callable[[dict, Runs], list[Drawing]]] = {
    "predictions": prediction_grids.predictions,
    "ratio_curves": ratio_curves,
    "samples": samples,
    "oracle": oracle,
}


def drawings(record: dict, runs: Runs) -> dict[str, list[Drawing]]:
    """Returns all drawings of a report by the `id` of their table or block.

    Args:
      record: the result of `assemble`.
      runs: the runs by name.

    Raises:
      ValueError: a table is drawn in a way that is not known.
    """
    by_id = {}
    for table in record["tables"]:
        way = table["drawing"]
        if not way:
            for block in table["blocks"]:
                by_id[block["id"]] = curves.of_block(block, runs)
        elif way in DRAWINGS:
            by_id[table["id"]] = DRAWINGS[way](table, runs)
        else:
            raise ValueError(
                f"Table {table['name']} is drawn as {way!r}; expected one of "
                f"{', '.join(DRAWINGS)}."
            )
    return by_id


# --- Parts: curves, samples, annotations ----------------------------------------------


def _ratio_lines(blocks: Sequence[dict], task: str) -> list[plots.Line]:
    points: dict[str, list[tuple[float, list[float]]]] = {}
    for block in blocks:
        for row in block["rows"]:
            cell = row["cells"].get(task)
            percents = PERCENT.findall(row["name"]) or PERCENT.findall(block["name"])
            if cell and cell["ours"] and percents:
                method = PERCENT.sub("", row["name"]).strip()
                values = list(cell["ours"]["values"].values())
                points.setdefault(method, []).append((float(percents[-1]), values))
    return [plots.over_seeds(name, sorted(each)) for name, each in points.items()]


def _samples(block: dict, runs: Runs) -> Drawing:
    arrays_by_row = _report_arrays(block, runs, "samples")
    title = f"{block['title']}: generated images"
    if not arrays_by_row:
        return Drawing(title, "No run has left generated images.")
    labels = [
        list(map(str, arrays["titles"][:CLASSES])) for arrays in arrays_by_row.values()
    ]
    if any(each != labels[0] for each in labels):
        return Drawing(title, "The runs have left generated images of other classes.")
    rows = [
        (f"{label} · {name}", list(arrays["images"][number, :COLUMNS]))
        for number, label in enumerate(labels[0])
        for name, arrays in arrays_by_row.items()
    ]
    text = (
        f"Generated images of {', '.join(labels[0])}; of each class a line of "
        f"{' and one of '.join(arrays_by_row)}. A column has the same noise."
    )
    pixels = image_grid([images for _, images in rows], [name for name, _ in rows])
    return Drawing(title, text, pixels=pixels)


def _oracle(block: dict, runs: Runs) -> Drawing:
    title = f"{block['title']}: images and their annotation"
    for row in block["rows"]:
        for run in _runs_of(row, runs):
            arrays, info = run.report_arrays("oracle"), run.tasks.get(SEGMENTATION)
            if arrays and info:
                return _annotated(title, info, arrays)
    return Drawing(title, "No run has left annotated images.")


def _annotated(title: str, info: TaskInfo, arrays: Maps) -> Drawing:
    images, maps = arrays["image"][:PAIRS], arrays[SEGMENTATION][:PAIRS]
    tiles = [
        [Tile(fit(image)), Tile(fit(colors.colorize(info, classes)))]
        for image, classes in zip(images, maps, strict=True)
    ]
    # Two pairs a line.
    rows = [sum(tiles[at : at + 2], []) for at in range(0, len(tiles), 2)]
    present = np.unique(maps)
    legend = [
        (info.class_names[number], info.class_colors[number])
        for number in map(int, present)
        if 0 <= number < len(info.class_names)
    ]
    text = f"{len(images)} images, each left of the classes that it was annotated with."
    return Drawing(title, text, pixels=grid(rows, legend=legend))


# --- Parts: runs ----------------------------------------------------------------------


def _report_arrays(block: dict, runs: Runs, name: str) -> dict[str, Maps]:
    """Returns the report arrays of the first run of each row that has them."""
    arrays_by_row = {}
    for row in block["rows"]:
        arrays = (run.report_arrays(name) for run in _runs_of(row, runs))
        first = next((loaded for loaded in arrays if loaded is not None), None)
        if first is not None:
            arrays_by_row[row["name"]] = first
    return arrays_by_row


def _runs_of(row: dict, runs: Runs) -> list[Run]:
    firsts = (first_run(cell, runs) for cell in row["cells"].values())
    return list(dict.fromkeys(run for run in firsts if run))


def _by_dataset(table: dict) -> list[tuple[str, list[dict]]]:
    groups: dict[str, list[dict]] = {}
    for block in table["blocks"]:
        groups.setdefault(block["dataset"], []).append(block)
    return list(groups.items())
