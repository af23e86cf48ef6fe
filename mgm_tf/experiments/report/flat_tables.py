"""The tables of a report as plain rows: for a spreadsheet, and for the terminal."""

import csv
import io
from collections.abc import Iterator

from mgm_tf.experiments.report import formatting
from mgm_tf.plotting import terminal

FIELDS = (
    *(
        "table",
        "block",
        "dataset",
        "row",
        "task",
        "metric",
        "state",
        "mean",
        "std",
        "n",
    ),
    *("change_to_mt_percent", "p_to_mt", "change_to_st_percent", "p_to_st"),
    *("paper_mean", "paper_std", "seconds", "flops"),
)


def rows(record: dict) -> Iterator[dict]:
    """Yields the cells of all tables, each with the values of `FIELDS`.

    Args:
      record: the result of `assemble`.
    """
    for table in record["tables"]:
        for block in table["blocks"]:
            for row in block["rows"]:
                for column in block["columns"]:
                    cell = row["cells"].get(column["task"])
                    if cell is not None:
                        yield _flat(table, block, row, column, cell)


def as_csv(record: dict) -> str:
    """Returns the cells as comma-separated values, a line each, with a head."""
    file = io.StringIO()
    writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows(record))
    return file.getvalue()


def as_text(record: dict) -> str:
    """Returns the tables for the terminal: means over seeds and tests against MT."""
    parts = []
    for table in record["tables"]:
        for block in table["blocks"]:
            columns = [terminal.Column("row")]
            for column in block["columns"]:
                columns += [
                    terminal.Column(column["title"], right=True),
                    terminal.Column("to MT", right=True),
                ]
            lines = [
                [
                    row["name"],
                    *(
                        text
                        for column in block["columns"]
                        for text in _texts(row["cells"].get(column["task"]))
                    ),
                ]
                for row in block["rows"]
            ]
            parts.append(f"Table {table['name']}, {block['title']}")
            parts.append(terminal.table(columns, lines))
    return "\n\n".join(parts)


def _texts(cell: dict | None) -> tuple[str, str]:
    """Returns a figure, and its change to MT with the p of the paired test."""
    if cell is None:
        return formatting.NONE, ""
    if cell["ours"] is None:
        return cell["state"], ""
    ours = cell["ours"]
    against = cell["against"].get("MT")
    change = ""
    if against:
        test = against["test"]
        change = formatting.percent(against["change"])
        change += f" p {test['p']:.2g}" if test else ""
    return formatting.figure(ours["mean"], ours["std"], ours["n"]), change


def _flat(table: dict, block: dict, row: dict, column: dict, cell: dict) -> dict:
    ours, paper = cell["ours"] or {}, cell["published"] or {}
    costs = row["costs"] or {}
    to_mt, to_st = (cell["against"].get(name) or {} for name in ("MT", "ST"))
    return {
        "table": table["name"],
        "block": block["name"],
        "dataset": block["dataset"],
        "row": row["name"],
        "task": column["task"],
        "metric": column["metric"],
        "state": cell["state"],
        **{name: ours.get(name) for name in ("mean", "std", "n")},
        "change_to_mt_percent": to_mt.get("change"),
        "p_to_mt": (to_mt.get("test") or {}).get("p"),
        "change_to_st_percent": to_st.get("change"),
        "p_to_st": (to_st.get("test") or {}).get("p"),
        "paper_mean": paper.get("mean"),
        "paper_std": paper.get("std"),
        "seconds": costs.get("seconds"),
        "flops": costs.get("flops"),
    }
