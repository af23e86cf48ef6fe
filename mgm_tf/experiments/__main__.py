"""The paper's experiments: `python -m mgm_tf.experiments COMMAND`.

    list     every table and figure: rows, runs and rough cost
    plan     the commands that train what is missing, one a line
    run      runs them, and reports
    report   report.html, report.md and report.json of what is there

A run is a folder below --workdir; a report is made of folders alone, wherever they were
trained. `run` skips what is finished and goes on with what was interrupted.
"""

import pathlib
import shlex
import sys
from collections.abc import Callable

from absl import flags

from mgm_tf.config import command_line, options
from mgm_tf.config.settings import Config
from mgm_tf.experiments import forecast, generated_files, jobs, runner, workers
from mgm_tf.experiments.registry import TABLES, table_of
from mgm_tf.experiments.registry.records import COLUMNS, Table
from mgm_tf.experiments.report import assemble, drawings, find, write

EVERYTHING = "all"


def define_flags() -> None:
    """Defines the flags of all commands."""
    flags.DEFINE_list(
        "table", [], "Tables and figures by name, such as 2,4,F5; all: every one."
    )
    flags.DEFINE_enum("scale", "paper", list(jobs.SCALES), "How large the runs are.")
    flags.DEFINE_enum(
        "dataset",
        None,
        list(COLUMNS),
        "The data set, in the place of those that a table names.",
    )
    flags.DEFINE_integer(
        "seeds", 0, "Runs of each row, of seeds 0, 1, ...; 0: as the scale has.", 0
    )
    flags.DEFINE_list("percents", [], "Only with these labelled percentages.")
    flags.DEFINE_list("rows", [], "Only rows of these names, such as MT,MGM.")
    flags.DEFINE_multi_string(
        "set", [], "A further argument of every training, such as --set=--replicas=2."
    )
    flags.DEFINE_bool(
        "probe", False, "Tell of every run what E knows of scenes, and the KID of G."
    )
    flags.DEFINE_string("workdir", "runs/paper", "Where the folders of the runs are.")
    flags.DEFINE_list("runs", [], "Of report: where runs are, if not below --workdir.")
    flags.DEFINE_string("data_dir", "data", "Where built data sets are kept.")
    flags.DEFINE_list(
        "manual_dir",
        [],
        "Where the files lie that you fetched: DIR or DATASET=DIR,...",
    )
    flags.DEFINE_bool(
        "generated", False, "Use made-up files in the place of those one has to fetch."
    )
    flags.DEFINE_integer("jobs", 1, "Runs at the same time.", 1)


def _tables() -> tuple[Table, ...]:
    names = flags.FLAGS.table
    if not names:
        raise ValueError(f"--table: name some of {', '.join(TABLES)}, or all.")
    if names == [EVERYTHING]:
        return tuple(TABLES.values())
    return tuple(table_of(name) for name in names)


def _workdir() -> pathlib.Path:
    return pathlib.Path(flags.FLAGS.workdir)


def _choice(tables: tuple[Table, ...]) -> jobs.Choice:
    given = flags.FLAGS
    return jobs.Choice(
        tables=tables,
        scale=given.scale,
        dataset=given.dataset or "",
        seeds=given.seeds or jobs.SEEDS[given.scale],
        percents=tuple(given.percents),
        rows=tuple(given.rows),
    )


def _plan(*, make_files: bool) -> jobs.Plan:
    given, choice = flags.FLAGS, _choice(_tables())
    data_dir = pathlib.Path(given.data_dir)
    names = jobs.data_sets(choice)
    manual = _manual_dirs(names)
    if given.generated:
        # Beside the real ones of the same name.
        data_dir /= generated_files.FOLDER
        manual = {n: data_dir for n in names if generated_files.can_be_made(n)}
        if make_files:
            manual = {name: generated_files.folder(name, data_dir) for name in manual}
    probe = ["--probe"] if given.probe else []
    common = [f"--data_dir={data_dir}", *probe, *given.set]
    places = {name: str(place) for name, place in manual.items()}
    made = jobs.plan(choice, _workdir(), common, places)
    for reason in made.left_out:
        print(f"Left out: {reason}", file=sys.stderr)
    return made


def _manual_dirs(names: tuple[str, ...]) -> dict[str, pathlib.Path]:
    """The folder of each data set's files, as --manual_dir says."""
    found: dict[str, pathlib.Path] = {}
    for text in flags.FLAGS.manual_dir:
        name, equals, place = text.partition("=")
        found |= (
            {name: pathlib.Path(place)}
            if equals
            else dict.fromkeys(names, pathlib.Path(text))
        )
    unknown = sorted(set(found) - set(COLUMNS))
    if unknown:
        raise ValueError(
            f"--manual_dir: {', '.join(unknown)} is no data set; expected some of "
            f"{', '.join(COLUMNS)}."
        )
    return found


def list_tables() -> None:
    """Prints every table and figure."""
    tables = _tables() if flags.FLAGS.table else tuple(TABLES.values())
    print(forecast.overview(_choice(tables), _workdir()))


def print_plan() -> None:
    """Prints the commands of what is not finished, in an order that they can go in."""
    made = _plan(make_files=False)
    for job in made.jobs:
        if not runner.is_finished(job.workdir):
            print(shlex.join(job.command))


def run() -> int:
    """Runs what is not finished, then reports; 1 if a run failed."""
    made, workdir = _plan(make_files=True), _workdir()
    runner.note(workdir, _asked())
    print(forecast.forecast(made, flags.FLAGS.jobs), flush=True)
    failures = runner.Runner(made.jobs, flags.FLAGS.jobs, workers.start).run()
    for failure in failures:
        print(f"\n{failure.job.name} failed. {failure.why}", file=sys.stderr)
    report()
    return 1 if failures else 0


def _asked() -> dict:
    given = flags.FLAGS
    return {"tables": [table.name for table in _tables()], "dataset": given.dataset}


def report() -> None:
    """Writes the report of what is there."""
    workdir = _workdir()
    places = flags.FLAGS.runs or [str(workdir)]
    changeable = {
        name
        for name, field in options.leaves(Config).items()
        if field.metadata["may_change"]
    }
    names = [table.name for table in _tables()] if flags.FLAGS.table else None
    if names is None:
        known = [name for asked in runner.asked(workdir) for name in asked["tables"]]
        names = list(dict.fromkeys(known)) or None
    runs = find(places)
    record = assemble(
        TABLES, runs, dataset=flags.FLAGS.dataset, names=names, changeable=changeable
    )
    drawn = drawings(record, runs)
    print(f"The report is {write(record, drawn, workdir)}.")


COMMANDS: dict[str, Callable[[], int | None]] = {
    "list": list_tables,
    "plan": print_plan,
    "run": run,
    "report": report,
}


if __name__ == "__main__":
    define_flags()
    command_line.run(COMMANDS)
