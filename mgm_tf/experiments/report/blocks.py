"""A block of a table on a data set: its rows from runs, with the paper's figures."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from mgm_tf.experiments.registry import names
from mgm_tf.experiments.registry.records import (
    COLUMNS,
    Block,
    Column,
    Row,
    Table,
    Training,
)
from mgm_tf.experiments.report import (
    cells,
    comparability,
    costs,
    probe_results,
    statistics,
)
from mgm_tf.experiments.report.runs import Run
from mgm_tf.plotting.html import anchor

MT, ST = REFERENCES = ("MT", "ST")  # rows that others are compared with
# The size of what was trained. Interpretation: the paper's images have 128 pixels (256
# in Table 10); it does not say how long it trains.
SCALE = (
    "image_size",
    "width",
    "multi_task_length",
    "generative_length",
    "joint_length",
)
PUBLISHED_SCALE = {"image_size": (128, 256), "width": (1.0,)}


def is_run(row: dict) -> bool:
    """Returns whether a row of a block's record has a finished run."""
    return any(cell["runs"] for cell in row["cells"].values())


class Blocks:
    """The blocks of tables, each measured once on a data set.

    Args:
      tables: all tables by name; ST and MT of one serve others of the same setting.
      runs: all runs by name.
      changeable: the names of settings that change nothing learned.
    """

    def __init__(
        self,
        tables: Mapping[str, Table],
        runs: Mapping[str, Run],
        changeable: Collection[str] = (),
    ):
        self._tables = tables
        self._named_datasets = {
            b.dataset for table in tables.values() for b in table.blocks
        }
        self._changeable = changeable
        self._runs_by_stem: dict[str, dict[int, Run]] = {}
        self._unnamed: list[str] = []  # runs that have no name of a run
        self._records: dict[tuple[str, str, str], dict] = {}
        for name in sorted(runs):
            stem_and_seed = names.stem_and_seed(name)
            if stem_and_seed is None:
                self._unnamed.append(name)
            else:
                self._runs_by_stem.setdefault(stem_and_seed[0], {})[
                    stem_and_seed[1]
                ] = runs[name]

    def has_runs(self, block: Block, dataset: str) -> bool:
        """Returns whether there is a run of the block, finished or not."""
        flags = names.flags_on(block, dataset)
        return any(
            names.stem(dataset, flags, training) in self._runs_by_stem
            for row in block.rows
            for training in row.trainings()
        )

    def places(self, block: Block, dataset: str | None = None) -> list[str]:
        """Returns the data sets of the block's runs, its own first, or `dataset` alone.

        Data that tables name have a place there: they stand in that of others only
        where these are not run at all.
        """
        if not block.is_for(dataset):
            return []
        if dataset or block.keeps_dataset:
            place = dataset or block.dataset
            return [place] if self.has_runs(block, place) else []
        others = [name for name in COLUMNS if name != block.dataset]
        if self.has_runs(block, block.dataset):
            own = [block.dataset]
            others = [name for name in others if name not in self._named_datasets]
        else:
            own = []
        return own + [name for name in others if self.has_runs(block, name)]

    def unused(self) -> list[str]:
        """Returns the names of runs that no table reads and no such run needs."""
        stems_of_tables = {
            names.stem(dataset, names.flags_on(block, dataset), training)
            for table in self._tables.values()
            for block in table.blocks
            for dataset in COLUMNS
            for row in block.rows
            for training in _with_needs(row.trainings())
        }
        others = (
            runs
            for stem, runs in self._runs_by_stem.items()
            if stem not in stems_of_tables
        )
        unused = [run.name for runs in others for run in runs.values()]
        return sorted(self._unnamed + unused)

    def of(self, table: str, block: Block, dataset: str) -> dict:
        """Returns the record of a block, JSON values.

        Returns:
          `id`; `name` and `title`; `dataset`, and `paper_dataset` where that is
          another; `flags`; `columns` (see `records.Column`); `rows`: `name`, `stems`
          (task -> the runs' names without seeds), `cells` (task -> `cells.measured`),
          `delta_m`, `costs`, `knowledge`; `references`: (MT, ST) -> the table it was
          taken from;
          `pretrained`: the published weights that encoders began with -> the rows;
          `problems` and `warnings` of rows that do not go together; `data` (records of
          what the runs have seen) and `scale` (setting -> its values).
        """
        key = table, block.name, dataset
        if key not in self._records:
            self._records[key] = self._measure(table, block, dataset)
        return self._records[key]

    def _measure(self, table: str, block: Block, dataset: str) -> dict:
        columns = columns_of(block, dataset)
        flags = names.flags_on(block, dataset)
        rows = [self._row(block, row, dataset, columns) for row in block.rows]
        for column in columns.values():
            parts = [r["cells"][column.task] for r in rows if column.task in r["cells"]]
            cells.mark_best(parts, column)
        references = self._compare(table, block, dataset, rows)
        finished = {
            row.name: list(self._finished(block, row, dataset)) for row in block.rows
        }
        verdict = comparability.across_rows(finished)
        all_runs = [run for runs in finished.values() for run in runs]
        is_own = dataset == block.dataset
        return {
            "id": anchor(f"table {table} {block.name} on {dataset}").strip("-"),
            "name": block.name,
            "title": block.name if is_own else f"{block.name}, on {dataset}",
            "dataset": dataset,
            "paper_dataset": block.dataset,
            "flags": dict(flags),
            "columns": [_as_json(column) for column in columns.values()],
            "rows": rows,
            "references": references,
            "pretrained": _pretrained(finished),
            "problems": list(verdict.refusals),
            "warnings": list(verdict.warnings),
            "data": each_once(run.data for run in all_runs if run.data),
            "scale": {
                name: each_once(
                    run.settings[name] for run in all_runs if name in run.settings
                )
                for name in SCALE
            },
        }

    def _row(
        self, block: Block, row: Row, dataset: str, columns: Mapping[str, Column]
    ) -> dict:
        row_cells = {
            task: cells.measured(
                self._runs(block, dataset, training),
                columns[task],
                block.published.get((row.name, task)),
                self._changeable,
            )
            for task, training in row.reads.items()
            if task in columns
        }
        trained = [self._runs(block, dataset, training) for training in row.trainings()]
        finished = [
            {seed: run for seed, run in runs.items() if run.is_finished}
            for runs in trained
        ]
        flags = names.flags_on(block, dataset)
        return {
            "name": row.name,
            "stems": {
                task: names.stem(dataset, flags, training)
                for task, training in row.reads.items()
            },
            "cells": row_cells,
            "delta_m": None,
            "costs": costs.of_row(finished),
            "knowledge": probe_results.of_row(finished),
        }

    def _runs(self, block: Block, dataset: str, training: Training) -> dict[int, Run]:
        stem = names.stem(dataset, names.flags_on(block, dataset), training)
        return self._runs_by_stem.get(stem, {})

    def _finished(self, block: Block, row: Row, dataset: str) -> Iterator[Run]:
        for training in row.trainings():
            runs = self._runs(block, dataset, training).values()
            yield from (run for run in runs if run.is_finished)

    # --- Comparisons with MT and ST -------------------------------------------------

    def _compare(
        self, table: str, block: Block, dataset: str, rows: list[dict]
    ) -> dict[str, str]:
        """Fills `against` and `delta_m`; returns where MT and ST are."""
        columns = columns_of(block, dataset)
        sources: dict[str, str] = {}
        for name in REFERENCES:
            for task, column in columns.items():
                place = self._reference(table, block, dataset, name, task)
                if place is None:
                    continue
                sources[name], training = place
                runs = self._runs(block, dataset, training)
                reference = cells.measured(runs, column, changeable=self._changeable)
                for row in rows:
                    cell = row["cells"].get(task)
                    if cell:
                        cell["against"][name] = cells.comparison(
                            cell, reference, column
                        )
        for row in rows:
            gains = [cell["against"].get(ST) for cell in row["cells"].values()]
            row["delta_m"] = statistics.delta_m(
                gain and gain["change"] for gain in gains
            )
        return sources

    def _reference(
        self, table: str, block: Block, dataset: str, name: str, task: str
    ) -> tuple[str, Training] | None:
        """Returns the training that a row of that name reads, here or elsewhere."""
        flags = names.flags_on(block, dataset)
        alike = (
            (other, candidate)
            for other, each in self._tables.items()
            for candidate in each.blocks
            if names.flags_on(candidate, dataset) == flags
        )
        for where, candidate in ((table, block), *alike):
            for row in candidate.rows:
                if row.name == name and task in row.reads:
                    return where, row.reads[task]
        return None


def columns_of(block: Block, dataset: str) -> dict[str, Column]:
    """Returns the columns of a block on a data set, by task."""
    tasks = block.tasks
    return {column.task: column for column in COLUMNS[dataset] if column.task in tasks}


def _with_needs(trainings: Iterable[Training]) -> Iterator[Training]:
    for training in trainings:
        yield training
        for _, needed in training.needs:
            yield from _with_needs(needed)


def _pretrained(finished: Mapping[str, Iterable[Run]]) -> dict[str, list[str]]:
    """Returns the published weights that encoders began with -> the rows."""
    rows: dict[str, list[str]] = {}
    for row, runs in finished.items():
        for weights in each_once(map(comparability.pretrained, runs)):
            if weights != comparability.RANDOM:
                rows.setdefault(weights, []).append(row)
    return rows


def _as_json(column: Column) -> dict:
    return {
        "title": column.title,
        "task": column.task,
        "metric": column.metric,
        "higher_is_better": column.higher_is_better,
    }


def each_once(values: Iterable) -> list:
    """Returns values without repetition, in order; they need no hash."""
    distinct: list = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return distinct
