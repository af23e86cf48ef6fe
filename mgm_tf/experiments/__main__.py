"""The paper's experiments: `python -m mgm_tf.experiments COMMAND`.

    list     every table and figure: rows, runs and rough cost
    plan     the commands that train what is missing, one a line
    run      runs them, and reports
    report   report.html, .md, .json and .csv of what is there; --markdown=RESULTS.md
             makes the marked parts of a file of yours anew
    picture  what rows predict of one test image beside the truth, for a first page
    collect  a record of each run in one small file, from which `report` works as well

A run is a folder below --workdir; a report is made of folders alone, wherever they were
trained. `run` skips what is finished and goes on with what was interrupted.
"""

import pathlib
import shlex
import sys
from collections.abc import Callable, Sequence

from absl import flags

from datasets.files import names
from datasets.files import text as text_files
from mgm_tf.config import cluster, command_line, options
from mgm_tf.config.settings import Config
from mgm_tf.experiments import (
    collect,
    forecast,
    generated_files,
    gpu_hours,
    identify,
    jobs,
    runner,
)
from mgm_tf.experiments.registry import TABLES, table_of
from mgm_tf.experiments.registry.records import COLUMNS, Table
from mgm_tf.experiments.report import (
    assemble,
    drawings,
    find,
    flat_tables,
    markdown_file,
    parts,
    picture,
    write,
)
from mgm_tf.experiments.report.runs import RECORD
from mgm_tf.files import lock, whole

EVERYTHING = "all"


def define_flags() -> None:
    """Defines the flags of all commands."""
    _define_choice()
    _define_outputs()
    flags.DEFINE_multi_string(
        "set",
        [],
        # Its end is absl's: "; repeat this option to specify a list of values".
        "A further argument of every training, such as --set=--replicas=2",
    )
    flags.DEFINE_bool(
        "probe",
        False,
        "Whether to measure of every run what its encoder knows of scenes, and the "
        "kernel distance (KID) of its generated images.",
    )
    flags.DEFINE_string(
        "workdir",
        "runs/paper",
        "The folder in which every run has its folder, and into which the report is "
        "written.",
    )
    flags.DEFINE_list(
        "runs",
        [],
        "The folders below which `report` and `collect` look for runs, or for records "
        "of them; none: --workdir.",
    )
    flags.DEFINE_string(
        "data_dir", "data", "The folder in which built data sets are kept."
    )
    flags.DEFINE_list(
        "manual_dir",
        [],
        "The folders of the downloaded files from which data sets are built: DIR for "
        "all, or DATASET=DIR,... for each.",
    )
    flags.DEFINE_bool(
        "generated",
        False,
        "Whether generated files take the place of those that one has to download, "
        "for a trial without data.",
    )
    flags.DEFINE_integer(
        "jobs",
        1,
        "The number of runs that are trained at the same time.",
        lower_bound=1,
    )


def _define_outputs() -> None:
    """Defines the flags of what `report` and `picture` write."""
    flags.DEFINE_string(
        "markdown",
        "",
        "The Markdown file of yours in which `report` makes anew what stands between "
        "`<!-- begin: table 2 -->` and `<!-- end: table 2 -->`; so with `tried 2` and "
        "`claims 2`. Empty: none.",
    )
    flags.DEFINE_integer(
        "image", 0, "The number of the test image that `picture` draws.", lower_bound=0
    )
    flags.DEFINE_string(
        "output", "picture.png", "The file that `picture` writes, a PNG."
    )


def _define_choice() -> None:
    """Defines the flags that select the runs."""
    flags.DEFINE_list(
        "table",
        [],
        "The tables and figures of the paper by name, such as 2,4,F5; all: every one.",
    )
    flags.DEFINE_enum(
        "scale",
        "paper",
        list(jobs.SCALES),
        "The size of images and networks and the length of the runs. paper: as "
        "published; study: an hour a seed on a CPU, each with labelled examples of "
        "its own; small: minutes a run on a CPU; smoke: a few steps, to see whether "
        "everything runs.",
    )
    flags.DEFINE_enum(
        "dataset",
        None,
        list(COLUMNS),
        "The data set on which all runs are trained, in the place of those that the "
        "tables name.",
    )
    flags.DEFINE_integer(
        "seeds",
        0,
        "The number of runs of each row, with the seeds 0, 1, ...; 0: as many as "
        "--scale has.",
        lower_bound=0,
    )
    flags.DEFINE_list(
        "percents",
        [],
        "The labelled percentages of training examples to which the tables are "
        "restricted, such as 25,50; none: all.",
    )
    flags.DEFINE_list(
        "rows",
        [],
        "The names of the rows to which the tables are restricted, such as MT,MGM; "
        "none: all.",
    )


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
    values = flags.FLAGS
    choice = jobs.Choice(
        tables=tables,
        scale=values.scale,
        dataset=values.dataset or "",
        seeds=values.seeds or jobs.SEEDS[values.scale],
        percents=tuple(values.percents),
        rows=tuple(values.rows),
    )
    jobs.check_names(choice)
    return choice


def _plan(*, generate: bool) -> jobs.Plan:
    """Returns the plan that the flags ask for; `generate` writes generated files."""
    values, choice = flags.FLAGS, _choice(_tables())
    data_dir = pathlib.Path(values.data_dir)
    data_sets = jobs.data_sets(choice)
    manual = _manual_dirs(data_sets)
    if values.generated:
        # A folder of its own, so that no real data set of the same name is touched.
        data_dir /= generated_files.FOLDER
        manual = {n: data_dir for n in data_sets if generated_files.can_generate(n)}
        if generate:
            manual = {name: generated_files.folder(name, data_dir) for name in manual}
    probe = ["--probe"] if values.probe else []
    grace = [f"--grace_s={values.grace_s:g}"] if values["grace_s"].present else []
    common = [f"--data_dir={data_dir}", *probe, *grace, *values.set]
    manual_dirs = {name: str(folder) for name, folder in manual.items()}
    plan = jobs.plan(choice, _workdir(), common, manual_dirs)
    for reason in plan.left_out:
        print(f"Left out: {reason}", file=sys.stderr)
    return plan


def _manual_dirs(data_sets: tuple[str, ...]) -> dict[str, pathlib.Path]:
    """Reads --manual_dir: the folder of each data set's files."""
    folders: dict[str, pathlib.Path] = {}
    for text in flags.FLAGS.manual_dir:
        name, equals, folder = text.partition("=")
        folders |= (
            {name: pathlib.Path(folder)}
            if equals
            else dict.fromkeys(data_sets, pathlib.Path(text))
        )
    unknown = sorted(set(folders) - set(COLUMNS))
    if unknown:
        raise ValueError(
            f"--manual_dir: {', '.join(unknown)} is no data set; expected some of "
            f"{', '.join(COLUMNS)}{names.nearest(unknown[0], COLUMNS)}"
        )
    return folders


def list_tables() -> None:
    """Prints every table and figure."""
    tables = _tables() if flags.FLAGS.table else tuple(TABLES.values())
    print(forecast.overview(_choice(tables), _workdir()))


def print_plan() -> None:
    """Prints the commands of runs that are not finished, needed ones first.

    What all of them would cost on GPUs goes to the standard error.
    """
    for job in _plan(generate=False).jobs:
        if not runner.is_finished(job.workdir):
            print(" ".join(map(_quoted, job.command)))
    print(gpu_hours.as_text(_choice(_tables())), file=sys.stderr)


def _quoted(word: str) -> str:
    """Returns a word as a shell reads it, in one line whatever is in it."""
    if "\n" not in word:
        return shlex.quote(word)
    escaped = word.replace("\\", "\\\\").replace("\n", "\\n")
    return f'"$(printf %b {shlex.quote(escaped)})"'


def run() -> int:
    """Trains the runs that are not finished, then reports; returns 1 if one failed.

    Raises:
      ValueError: this process is one of several workers.
    """
    if cluster.from_environment() is not None:
        raise ValueError(
            f"`run` trains on this machine alone: unset {cluster.VARIABLE}, or give "
            "the commands that `plan` prints to all machines."
        )
    planned, at_once = _plan(generate=True).jobs, flags.FLAGS.jobs
    with lock.held(_workdir()):
        runner.record_request(_workdir(), _request())
        print(forecast.summary(planned, at_once), flush=True)
        failures = runner.Runner(planned, at_once, runner.start).run()
    for failure in failures:
        print(f"\n{failure.job.name} failed. {failure.why}", file=sys.stderr)
    report()
    return 1 if failures else 0


def _request() -> dict:
    names = [table.name for table in _tables()]
    return {"tables": names, "dataset": flags.FLAGS.dataset}


def report() -> None:
    """Writes the report of the runs that are there."""
    workdir = _workdir()
    folders = flags.FLAGS.runs or [str(workdir)]
    changeable = {
        name
        for name, field in options.leaves(Config).items()
        if field.metadata["may_change"]
    }
    names = [table.name for table in _tables()] if flags.FLAGS.table else None
    if names is None:
        requests = runner.requests(workdir)
        earlier = [name for request in requests for name in request["tables"]]
        names = list(dict.fromkeys(earlier)) or None
    runs = find(folders, identify.namer(_named(names)))
    record = assemble(
        TABLES, runs, dataset=flags.FLAGS.dataset, names=names, changeable=changeable
    )
    drawn = drawings(record, runs)
    print(flat_tables.as_text(record))
    print(f"The report is {write(record, drawn, workdir)}.")
    if flags.FLAGS.markdown:
        path = pathlib.Path(flags.FLAGS.markdown)
        text = text_files.read(path)
        made = parts(record) | {
            name: cost
            for name in markdown_file.marked(text)
            if (cost := gpu_hours.part(name)) is not None
        }
        whole.write_text(path, markdown_file.filled(text, made))
        print(f"The marked parts of {path} are made anew.")


def _named(names: Sequence[str] | None) -> dict[str, Table]:
    return TABLES if names is None else {name: table_of(name) for name in names}


def collect_records() -> None:
    """Writes a record of every run that is trained to its end into --workdir.

    Raises:
      ValueError: there is none.
    """
    folders, workdir = flags.FLAGS.runs, _workdir()
    if not folders:
        raise ValueError("--runs: name the folders below which the runs are.")
    names = [table.name for table in _tables()] if flags.FLAGS.table else None
    found = find(folders, identify.namer(_named(names)))
    trained = [run for run in found.values() if run.is_trained]
    if not trained:
        raise ValueError(
            f"{', '.join(folders)}: expected runs that are trained to their end, found "
            f"{len(found)} others; `run` goes on with them."
        )
    for run in trained:
        collect.write(run, workdir)
    records = list(workdir.glob(f"*{RECORD}"))
    size = sum(path.stat().st_size for path in records)
    print(
        f"{len(trained)} records were written, and {len(records)} are in {workdir}, "
        f"{size / 2**20:.1f} MiB in all."
    )
    left_out = [name for name, run in found.items() if not run.is_trained]
    if left_out:
        print(f"Left out, for they are not at their end: {', '.join(left_out)}.")


def draw_picture() -> None:
    """Draws what the chosen rows predict of one test image."""
    values, choice = flags.FLAGS, _choice(_tables())
    tables = {table.name: table for table in choice.tables}
    runs = find(values.runs or [str(_workdir())], identify.namer(tables))
    record = assemble(TABLES, runs, dataset=values.dataset, names=list(tables))
    wanted = {
        block.name
        for table in choice.tables
        for block in table.blocks
        if not choice.percents or jobs.percent_of(block) in choice.percents
    }
    blocks = [
        block
        for table in record["tables"]
        for block in table["blocks"]
        if block["name"] in wanted and any(row["costs"] for row in block["rows"])
    ]
    if len(blocks) != 1:
        raise ValueError(
            f"Expected runs of one setting, found {len(blocks)}; --dataset and "
            "--percents choose one."
        )
    pixels = picture.of_block(blocks[0], runs, choice.rows, values.image)
    path = pathlib.Path(values.output)
    whole.write_picture(path, pixels, optimize=True)
    print(f"The picture is {path}, {path.stat().st_size / 1024:.0f} KiB.")


COMMANDS: dict[str, Callable[[], int | None]] = {
    "list": list_tables,
    "plan": print_plan,
    "run": run,
    "report": report,
    "collect": collect_records,
    "picture": draw_picture,
}


if __name__ == "__main__":
    define_flags()
    command_line.run(COMMANDS)
