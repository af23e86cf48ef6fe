"""From tables and runs to the record of a report: numbers and words, all JSON."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from mgm_tf.experiments.registry.records import COLUMNS, Block, Cell, Claim, Table
from mgm_tf.experiments.report import blocks, claims, costs, levers
from mgm_tf.experiments.report.blocks import Blocks
from mgm_tf.experiments.report.runs import Run
from mgm_tf.plotting.html import anchor

LEAST = 2  # rows with a finished run, for a table that is not named


def assemble(
    tables: Mapping[str, Table],
    runs: Mapping[str, Run],
    dataset: str | None = None,
    names: Sequence[str] | None = None,
    changeable: Collection[str] = (),
) -> dict:
    """Assembles the record of a report.

    Args:
      tables: all tables by name.
      runs: the runs by name, from `runs.find`.
      dataset: the data set on which all blocks are shown; None or empty: the paper's
        own, and others that there are runs of, see `Blocks.places`.
      names: the names of the tables to show; None: all of which enough is finished.
      changeable: the names of settings that change nothing that is learned.

    Returns:
      `tables`: `id`, `name`, `title`, `drawing`, `blocks` (see `Blocks.of`; each with
      `stands_for`, the names of those with the same runs, and `levers.of_block`) and
      `claims` (see `claims.judge`; each with its `dataset`); `runs`: how many are
      `finished`, which are `unfinished` and which `unused` by any table; `machines`,
      `code`, `versions` and `data` of the finished runs that are shown.

    Raises:
      ValueError: there is no such table or data set.
    """
    if dataset and dataset not in COLUMNS:
        raise ValueError(
            f"No columns for {dataset!r}; known data sets are {', '.join(COLUMNS)}."
        )
    unknown = sorted(set(names or ()) - set(tables))
    if unknown:
        raise ValueError(
            f"No table {', '.join(unknown)}; there are {', '.join(tables)}."
        )
    all_blocks = Blocks(tables, runs, changeable)
    selection = tables if names is None else {name: tables[name] for name in names}
    shown = [_table(table, all_blocks, dataset) for table in selection.values()]
    if names is None:
        shown = [table for table in shown if _is_full(table)]
    for table in shown:
        for block in table["blocks"]:
            block["levers"] = levers.of_block(block, runs)
    tried = _tried(shown)
    pending = [name for name, run in runs.items() if not run.is_finished]
    pending = [name for name in pending if name not in tried]
    record = {
        "dataset": dataset,
        "tables": shown,
        "runs": {
            "finished": sum(run.is_finished for run in runs.values()),
            "unfinished": pending,
            "unused": [name for name in all_blocks.unused() if name not in tried],
        },
    }
    return record | _facts([runs[name] for name in _used(shown)])


def _table(table: Table, all_blocks: Blocks, dataset: str | None) -> dict:
    shown = _shown(table, all_blocks, dataset)
    return {
        "id": anchor(f"table {table.name}"),
        "name": table.name,
        "title": table.title,
        "drawing": table.drawing,
        "blocks": shown,
        "claims": [
            judged
            for claim in table.claims
            for judged in _judged(table, claim, all_blocks, dataset)
        ],
    }


# --- Blocks: on the paper's data and on those that runs are of -----------------------


def _shown(table: Table, all_blocks: Blocks, dataset: str | None) -> list[dict]:
    """Returns the blocks of a table that are shown, none inside another."""
    candidates = [
        all_blocks.of(table.name, block, place)
        for block in table.blocks
        for place in _places(block, all_blocks, dataset)
        if blocks.columns_of(block, place)
    ]
    kept: list[dict] = []
    # A larger block comes first: one inside it has nothing to add.
    for block in sorted(candidates, key=lambda block: -len(_contents(block))):
        whole = next((k for k in kept if _contents(block) <= _contents(k)), None)
        if whole is None:
            kept.append(block | {"stands_for": []})
        elif whole["id"] != block["id"]:
            whole["stands_for"].append(block["name"])
    order = [block["id"] for block in candidates]
    return sorted(kept, key=lambda block: order.index(block["id"]))


def _contents(block: dict) -> set[tuple]:
    """Returns what a block shows: its rows and their runs."""
    return {(row["name"], *row["stems"].items()) for row in block["rows"]}


def _places(block: Block, all_blocks: Blocks, dataset: str | None) -> list[str]:
    """Returns the data sets that a block is shown on."""
    place = dataset if dataset and block.is_for(dataset) else block.dataset
    return all_blocks.places(block, dataset) or [place]


# --- Claims --------------------------------------------------------------------------


def _judged(
    table: Table, claim: Claim, all_blocks: Blocks, dataset: str | None
) -> Iterator[dict]:
    """Yields the claim judged on each data set that has runs; once if none has."""
    by_name = {block.name: block for block in table.blocks}
    needed = [_block(by_name, cell, table) for pair in claim.pairs for cell in pair]
    with_runs = {
        place for block in needed for place in all_blocks.places(block, dataset)
    }
    places = [place for place in COLUMNS if place in with_runs]
    for place in places or [*_places(needed[0], all_blocks, dataset)[:1]]:
        pairs = claim.pairs
        # On the paper's own data a block of other data would stand there unrun.
        own_pairs = [
            pair
            for pair in pairs
            if all(by_name[name].dataset == place for name, _ in pair)
        ]

        def look(cell: Cell, place: str = place) -> dict:
            record = all_blocks.of(table.name, by_name[cell[0]], place)
            return next(row for row in record["rows"] if row["name"] == cell[1])

        columns = {column.task: column for column in COLUMNS[place]}
        judged = claims.judge(claim, look, columns, own_pairs or pairs)
        yield judged | {"dataset": place if places else ""}


def _block(by_name: Mapping[str, Block], cell: Cell, table: Table) -> Block:
    """Returns the block of a cell, which has to have its row."""
    name, row = cell
    block = by_name.get(name)
    if block is None or row not in [one.name for one in block.rows]:
        raise ValueError(
            f"A claim of table {table.name} is about row {row!r} of block {name!r}, "
            "which the table does not have."
        )
    return block


# --- The whole ----------------------------------------------------------------------


def _is_full(table: dict) -> bool:
    rows = [row for block in table["blocks"] for row in block["rows"]]
    finished = [row for row in rows if blocks.is_run(row)]
    return bool(finished) and len(finished) >= min(LEAST, len(rows))


def _tried(tables: Iterable[dict]) -> set[str]:
    """Returns the names of the runs that vary a row that is shown."""
    return {
        name
        for table in tables
        for block in table["blocks"]
        for entry in block["levers"]
        if entry["flags"] or entry["varies"]
        for name in entry["runs"]
    }


def _used(tables: Iterable[dict]) -> list[str]:
    """Returns the names of the finished runs that are shown."""
    return sorted(
        {
            name
            for table in tables
            for block in table["blocks"]
            for row in block["rows"]
            for cell in row["cells"].values()
            for name in cell["runs"].values()
        }
    )


def _facts(runs: Sequence[Run]) -> dict:
    """Returns where the runs come from, each fact once."""
    starts = [start for run in runs for start in run.starts]
    machines = [start.get("machine", {}) for start in starts]
    packages = "tensorflow", "keras", "numpy", "python"
    return {
        "machines": list(dict.fromkeys(costs.machine(r) for r in runs if r.starts)),
        "code": blocks.each_once(start.get("code", {}) for start in starts),
        "versions": {
            name: sorted({str(m[name]) for m in machines if m.get(name)})
            for name in packages
        },
        "data": blocks.each_once(run.data for run in runs if run.data),
    }
