"""What a report says, from its record: the order of its parts and their words."""

import itertools
import re
from collections.abc import Mapping, Sequence

from mgm_tf.experiments.report import blocks, formatting
from mgm_tf.experiments.report.block_content import block_parts, tried_parts
from mgm_tf.experiments.report.layout import (
    PROSE,
    SMALL,
    Cell,
    Document,
    Drawing,
    Folded,
    Grid,
    Heading,
    Line,
    Paragraph,
    Part,
    Pictures,
    Section,
    cell,
)

TITLE = "MGM: results of the runs beside the paper's"
VERDICTS = {True: "yes", False: "no", None: formatting.NONE}


def document(record: dict, drawings: Mapping[str, Sequence[Drawing]]) -> Document:
    """Returns the report.

    Args:
      record: the result of `assemble`.
      drawings: the drawings by the `id` of their table or block.
    """
    sections = [_table(table, drawings) for table in record["tables"]]
    claims = [Section("Claims of the paper", _summary(record["tables"]))]
    return Document(TITLE, _introduction(record), claims + sections)


def sections(record: dict) -> dict[str, list[Part]]:
    """Returns the parts of which people make pages of their own, by name.

    What has not been run is named there in a sentence, not in rows.

    Args:
      record: the result of `assemble`.
    """
    found: dict[str, list[Part]] = {}
    for table in record["tables"]:
        run = [b for b in table["blocks"] if any(map(blocks.is_run, b["rows"]))]
        shown = [block_parts(block | {"levers": []}, ()) for block in run]
        missing = [block["title"] for block in table["blocks"] if block not in run]
        if missing:
            shown.append([Paragraph(f"Not run: {', '.join(missing)}.")])
        tried = [
            [Heading(block["title"]), *tried_parts(block)]
            for block in table["blocks"]
            if block["levers"]
        ]
        found |= {
            f"table {table['name']}": list(itertools.chain(*shown)),
            f"tried {table['name']}": list(itertools.chain(*tried))
            or [Paragraph("Nothing was tried beside the rows.")],
            f"claims {table['name']}": _judged_claims(table),
        }
    return found


def _judged_claims(table: dict) -> list[Part]:
    judged = [
        claim
        for claim in table["claims"]
        if any(comparison["means"] for comparison in claim["comparisons"])
    ]
    others = len(table["claims"]) - len(judged)
    found = _summary([table | {"claims": judged}]) if judged else []
    text = f"{others} further claims are of rows that have not been run."
    return [*found, *([Paragraph(text)] if others else [])]


# --- The beginning ------------------------------------------------------------------


def _introduction(record: dict) -> list[Part]:
    runs = record["runs"]
    counts = f"{formatting.count(runs['finished'], 'finished run')}"
    if runs["unfinished"]:
        counts += f", {len(runs['unfinished'])} not finished"
    on = f" All is looked at on {record['dataset']}." if record["dataset"] else ""
    how = (
        "A figure is the mean over seeds ± the standard deviation (number of seeds); "
        "the best of a column is bold. Below it stand the paper's figure and the "
        "change to MT and ST in percent, positive where ours is better, with the p of "
        "a paired two-sided t-test over seeds (not corrected for their number). Three "
        "seeds find p < 0.05 where the mean of the differences is 2.5 times their "
        "standard deviation or more, five where it is 1.2 times. Δm is the mean change "
        "to ST over tasks."
    )
    parts: list[Part] = [Paragraph(f"{counts}.{on} {how}"), _origin(record)]
    for title, names in (
        ("Runs that are not finished", runs["unfinished"]),
        ("Runs that no table reads", runs["unused"]),
    ):
        if names:
            parts.append(Folded(title, [Paragraph(", ".join(names))]))
    return parts


def _origin(record: dict) -> Grid:
    """Returns machines, code, versions and data of the runs that are shown."""
    code = [
        f"{(one.get('commit') or 'not known')[:10]}"
        + (" and changes" if one.get("modified") else "")
        for one in record["code"]
    ]
    versions = [
        f"{name} {', '.join(numbers)}"
        for name, numbers in record["versions"].items()
        if numbers
    ]
    facts = {
        "machines": record["machines"],
        "code": list(dict.fromkeys(code)),
        "versions": versions,
        "data": list(map(data_in_words, record["data"])),
    }
    rows = [
        (cell(name), [Line(fact) for fact in lines or ["not recorded"]])
        for name, lines in facts.items()
    ]
    return Grid(("", "of the runs that are shown"), rows)


def data_in_words(data: dict) -> str:
    """Returns name, sizes and fingerprint of the data."""
    sizes = ", ".join(f"{n} {split}" for split, n in data.get("examples", {}).items())
    mark = data.get("fingerprint", "")[:8]
    return f"{data.get('name', 'not known')}: {sizes} ({mark})"


# --- Claims -------------------------------------------------------------------------


def _summary(tables: Sequence[dict]) -> list[Part]:
    rows = [
        (
            cell(claim["text"]),
            _outcome(claim),
            cell(_name(table)),
            cell(claim["dataset"] or formatting.NONE),
        )
        for table in tables
        for claim in table["claims"]
    ]
    if not rows:
        return [Paragraph("The tables that are shown come with no claims.")]
    return [Grid(("claim", "outcome", "of", "on"), rows, PROSE)]


def _outcome(claim: dict) -> Cell:
    style = claim["outcome"].replace(" ", "-")
    return (Line(claim["outcome"], style), Line(claim["words"], SMALL))


def _comparisons(claim: dict) -> Folded:
    rows = [
        (
            cell(f"{_place(item['first'])} against {_place(item['second'])}"),
            cell(item["title"]),
            *_numbers(item),
        )
        for item in claim["comparisons"]
    ]
    heads = ("comparison", "figure", "means", "seeds", "change", "test", "agrees")
    on = f" ({claim['dataset']})" if claim["dataset"] else ""
    return Folded(f"{claim['outcome']}: {claim['text']}{on}", [Grid(heads, rows)])


def _place(place: Sequence[str]) -> str:
    return ", ".join(reversed(place))


def _numbers(comparison: dict) -> list[Cell]:
    if comparison["means"] is None:
        return [cell("not run"), *[cell(formatting.NONE)] * 4]
    return [
        cell(" and ".join(map(formatting.figure, comparison["means"]))),
        cell(" and ".join(map(str, comparison["n"]))),
        cell(formatting.percent(comparison["change"])),
        cell(formatting.probability(comparison["test"]) or formatting.NONE),
        cell(VERDICTS[comparison["agrees"]]),
    ]


# --- Tables -------------------------------------------------------------------------


def _table(table: dict, drawings: Mapping[str, Sequence[Drawing]]) -> Section:
    parts: list[Part] = []
    if table["id"] in drawings:
        parts.append(Pictures(table["id"], drawings[table["id"]]))
    for block in table["blocks"]:
        parts += block_parts(block, drawings.get(block["id"], ()))
    parts += [_comparisons(claim) for claim in table["claims"] if claim["comparisons"]]
    return Section(_name(table), parts, table["title"])


def _name(table: dict) -> str:
    """`Table 2`, `Figure 5`."""
    figure = re.fullmatch("F(.+)", table["name"])
    return f"Figure {figure[1]}" if figure else f"Table {table['name']}"
