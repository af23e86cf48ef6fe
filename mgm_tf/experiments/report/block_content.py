"""What a report says of a block: its setting, its table, what it cost, its curves."""

from collections.abc import Callable, Mapping, Sequence

from mgm_tf.experiments.report import formatting
from mgm_tf.experiments.report.blocks import PUBLISHED_SCALE, REFERENCES
from mgm_tf.experiments.report.curves import SCORE
from mgm_tf.experiments.report.layout import (
    ERROR,
    SMALL,
    STRONG,
    WARNING,
    Cell,
    Drawing,
    Grid,
    Heading,
    Line,
    Notes,
    Paragraph,
    Part,
    Pictures,
    cell,
)

COSTS = {
    "parameters trained": lambda costs: formatting.amount(costs["trained_parameters"]),
    "that predict": lambda costs: formatting.amount(costs["prediction_parameters"]),
    "training time": lambda costs: formatting.duration(costs["seconds"]),
    "images a second": lambda costs: formatting.amount(costs["images_per_second"]),
    "FLOPs in all": lambda costs: formatting.amount(costs["flops"]),
    "FLOPs a step": lambda costs: formatting.amount(costs["flops_per_step"]),
    "peak memory": lambda costs: formatting.memory(costs["peak_memory_bytes"]),
    "machine": lambda costs: ", ".join(costs["machines"]) or formatting.NONE,
}
ARROWS = {True: "↑", False: "↓"}
# Probe results of encoders; KID is on features of each run's own encoder.
PROBE_RESULTS = {
    "scene by linear probe": lambda probe: formatting.amount(probe["linear_probe"]),
    "by nearest neighbours": lambda known: formatting.amount(
        known["nearest_neighbours"]
    ),
    "KID, own features": lambda probe: formatting.amount(probe["kernel_distance"]),
}


def block_parts(block: dict, drawings: Sequence[Drawing]) -> list[Part]:
    """Returns the parts of a block, `Blocks.of` with `stands_for`."""
    notes = _Numbered()
    table = _results(block, notes)
    parts: list[Part] = [Heading(block["title"]), *_setting(block), table]
    parts += [Paragraph(text, ERROR) for text in block["problems"]]
    parts += [Paragraph(text, WARNING) for text in block["warnings"]]
    parts += [Notes(notes.items)] if notes.items else []
    parts += _facts(block, "costs", "cost", COSTS)
    parts += _facts(block, "knowledge", "encoder", PROBE_RESULTS)
    parts += tried_parts(block)
    parts += [Pictures(block["id"], drawings)] if drawings else []
    return parts


def tried_parts(block: dict) -> list[Part]:
    """Returns the table of what was tried beside the rows; none if nothing was."""
    if not block["levers"]:
        return []
    columns = block["columns"]
    arrows = [f"{c['title']} {ARROWS[c['higher_is_better']]}" for c in columns]
    heads = ("tried, by validation", "with", "score ↑", *arrows, "gain of the score")
    rows = [
        (
            cell(entry["row"], "" if entry["varies"] else STRONG),
            cell(entry["flags"] or "as the row is"),
            cell(_summary(entry["values"].get(SCORE))),
            *(cell(_summary(entry["values"].get(c["task"]))) for c in columns),
            cell(_gain(entry["against"])),
        )
        for entry in block["levers"]
    ]
    return [Grid(heads, rows)]


def _summary(summary: Mapping | None) -> str:
    if summary is None:
        return formatting.NONE
    return formatting.figure(summary["mean"], summary["std"], summary["n"])


def _gain(against: Mapping | None) -> str:
    if against is None:
        return formatting.NONE
    test = formatting.probability(against["test"])
    return f"{against['gain']:+.3f}" + (f" ({test})" if test else "")


class _Numbered:
    """Remarks, each with a number of its own."""

    def __init__(self) -> None:
        self.items: list[str] = []

    def mark(self, texts: Sequence[str]) -> str:
        """` [1] [3]`."""
        self.items += [text for text in dict.fromkeys(texts) if text not in self.items]
        return "".join(f" [{self.items.index(text) + 1}]" for text in texts)


# --- The setting ---------------------------------------------------------------------


def _setting(block: dict) -> list[Paragraph]:
    """Returns what our setting is, and where it is not the paper's."""
    parts = []
    dataset, paper = block["dataset"], block["paper_dataset"]
    if dataset != paper:
        others = "".join(f" and {name}" for name in block.get("stands_for", ()))
        parts.append(
            Paragraph(
                f"Not the paper's data: {dataset} in the place of {block['name']}"
                f"{others}. The paper's figures are of {paper}; only the order of the "
                "rows can be compared with ours.",
                STRONG,
            )
        )
    smaller = [
        f"{name} {_values(values)} (the paper: {_values(PUBLISHED_SCALE[name])})"
        for name, values in block["scale"].items()
        if name in PUBLISHED_SCALE and not set(values) <= set(PUBLISHED_SCALE[name])
    ]
    if smaller:
        text = f"Not the paper's scale: {', '.join(smaller)}."
        parts.append(Paragraph(text, STRONG))
    parts += [
        Paragraph(
            f"Not from random weights: the encoder of {', '.join(rows)} began with "
            f"{weights}.",
            STRONG,
        )
        for weights, rows in block["pretrained"].items()
    ]
    settings = [f"{name} {value}" for name, value in block["flags"].items()]
    settings += [f"{name} {_values(v)}" for name, v in block["scale"].items() if v]
    if settings:
        parts.append(Paragraph(f"Settings: {', '.join(settings)}."))
    references = [
        f"{name} of table {where}"
        for name, where in block["references"].items()
        if name not in [row["name"] for row in block["rows"]]
    ]
    if references:
        parts.append(Paragraph(f"Compared with {' and '.join(references)}."))
    return parts


def _values(values: Sequence) -> str:
    return " or ".join(
        f"{value:g}" if isinstance(value, float) else str(value) for value in values
    )


# --- The table -----------------------------------------------------------------------


def _results(block: dict, notes: _Numbered) -> Grid:
    columns = block["columns"]
    heads = ["", *(f"{c['title']} {ARROWS[c['higher_is_better']]}" for c in columns)]
    rows = [
        (
            cell(row["name"]),
            *(_figure(row["cells"].get(c["task"]), notes) for c in columns),
            cell(formatting.percent(row["delta_m"])),
        )
        for row in block["rows"]
    ]
    return Grid((*heads, "Δm"), rows)


def _figure(cell_record: dict | None, notes: _Numbered) -> Cell:
    if cell_record is None:
        return cell(formatting.NONE)
    remarks = (
        [f"{cell_record['state']}: {cell_record['reason']}"]
        if cell_record["reason"]
        else []
    )
    if cell_record["unfinished"]:
        remarks.append(f"not finished: {', '.join(cell_record['unfinished'])}")
    mark = notes.mark([*remarks, *cell_record["warnings"]])
    ours = cell_record["ours"]
    lines = [Line(cell_record["state"] + mark, SMALL)]
    if ours:
        text = formatting.figure(ours["mean"], ours["std"], ours["n"]) + mark
        lines = [Line(text, STRONG if cell_record["best"] else "")]
    if cell_record["published"]:
        lines.append(
            Line(f"paper {formatting.figure(**cell_record['published'])}", SMALL)
        )
    for name in REFERENCES:
        comparison = cell_record["against"].get(name)
        if comparison:
            test = formatting.probability(comparison["test"])
            change = f"{name} {formatting.percent(comparison['change'])}"
            lines.append(Line(f"{change} ({test})" if test else change, SMALL))
    return lines


def _facts(
    block: dict, what: str, title: str, columns: Mapping[str, Callable]
) -> list[Part]:
    """Returns a table of facts about rows besides their results; none if empty."""
    facts_by_row = [(row["name"], row[what]) for row in block["rows"] if row[what]]
    if not facts_by_row:
        return []
    rows = [
        (cell(name), *(cell(tell(facts)) for tell in columns.values()))
        for name, facts in facts_by_row
    ]
    return [Grid((title, *columns), rows)]
