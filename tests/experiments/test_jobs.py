"""Commands of tables: which runs, in which order, with which arguments."""

import pathlib

import pytest

from mgm_tf.experiments import jobs, registry
from mgm_tf.experiments.jobs import Choice
from mgm_tf.experiments.registry.records import Block, Row, Table, Training

ROOT = pathlib.Path(__file__).parents[2]
WORKDIR = pathlib.Path("runs/x")
MT = Training(("mt",))
ST = {task: Training((f"st_{task}",)) for task in ("segmentation", "depth", "normals")}
STITCHED = Training(("cross_stitch",), needs=(("start_from", tuple(ST.values())),))


def table(*rows, dataset="nyuv2", flags=(), own_flags=(), name="T"):
    return Table(name, "", (Block("b", dataset, rows, flags, own_flags),))


def plan(*tables, **choice):
    return jobs.plan(Choice(tables, **({"scale": "small"} | choice)), WORKDIR)


def names(planned):
    return [job.name for job in planned.jobs]


def test_a_run_comes_after_what_it_needs_and_once():
    stitched = Row("Cross Stitch", dict.fromkeys(ST, STITCHED))
    planned = plan(table(stitched, Row("ST", ST), flags=(("labelled_percent", "25"),)))
    stem = "nyuv2-labelled_percent25-"
    assert names(planned) == [
        f"{stem}st_segmentation-seed0",
        f"{stem}st_depth-seed0",
        f"{stem}st_normals-seed0",
        f"{stem}cross_stitch-seed0",
    ]
    last = planned.jobs[-1]
    assert last.needs == tuple(names(planned)[:3])
    assert last.workdir == WORKDIR / last.name
    folders = ",".join(str(WORKDIR / name) for name in last.needs)
    assert f"--start_from={folders}" in last.arguments
    assert last.settings.source.start_from == tuple(folders.split(","))


def test_the_arguments_are_flag_files_in_order_then_flags():
    training = Training(("mt", "256px"), flags=(("width", "0.5"),))
    row = Row("MT", {"depth": training})
    (job,) = plan(table(row, flags=(("labelled_percent", "50"),))).jobs
    assert job.arguments == (
        "--flagfile=configs/nyuv2.flags",
        "--tasks=segmentation,depth,normals",
        "--flagfile=configs/scales/small.flags",
        "--flagfile=configs/variants/mt.flags",
        "--flagfile=configs/variants/256px.flags",
        "--labelled_percent=50",
        "--width=0.5",
        "--seed=0",
        f"--workdir={job.workdir}",
        "--test",
    )
    assert job.command[:3] == ("python", "-m", "mgm_tf.train")
    # A variant wins over the scale, a flag over both.
    assert job.settings.data.image_size == 256
    assert job.settings.network.width == 0.5


def test_every_seed_has_its_runs():
    planned = plan(table(Row("MT", {"depth": MT})), seeds=3)
    assert [job.settings.run.seed for job in planned.jobs] == [0, 1, 2]
    assert len(set(names(planned))) == 3


def test_a_data_set_in_the_place_of_the_papers():
    own = table(Row("MT", {"depth": MT}), own_flags=(("protocol", "official"),))
    (job,) = plan(own).jobs
    assert job.settings.data.protocol == "official"
    (job,) = plan(own, dataset="rooms", scale="smoke").jobs
    # What is the data set's own is left out; a scale may have a protocol of its own.
    assert (job.settings.data.dataset, job.settings.data.protocol) == ("rooms", "smoke")
    assert job.settings.data.tasks == ("segmentation", "depth", "normals")


def test_rows_without_labels_are_left_out_with_the_reason():
    edges = Row("ET", {"edges": MT})
    planned = plan(table(edges, Row("MT", {"depth": MT})))
    assert planned.left_out == ("Table T, b, ET: nyuv2 has no labels of edges.",)
    assert len(planned.jobs) == 1
    with pytest.raises(ValueError, match="nothing to run.*\n.*edges"):
        plan(table(edges))


def test_percents_and_rows_choose():
    blocks = tuple(
        Block(
            f"nyuv2 {percent} %",
            "nyuv2",
            (Row("MT", {"depth": MT}), Row("ST", {"depth": ST["depth"]})),
            (("labelled_percent", percent),),
        )
        for percent in ("100", "25")
    )
    planned = plan(Table("2", "", blocks), percents=("25",), rows=("ST",))
    assert names(planned) == ["nyuv2-labelled_percent25-st_depth-seed0"]


def test_files_of_a_data_set_are_named_where_it_is_used():
    choice = Choice((table(Row("MT", {"depth": MT})),), "small")
    planned = jobs.plan(
        choice, WORKDIR, ["--cache=disk"], {"nyuv2": "here", "rooms": "no"}
    )
    settings = planned.jobs[0].settings
    assert (settings.data.manual_dir, settings.data.cache) == ("here", "disk")


def test_invalid_settings_are_refused_before_anything_runs():
    bad = Training(("mt",), flags=(("weak_percent", "25"),))
    with pytest.raises(ValueError, match="mt-weak_percent25-seed0.*\n.*weak_percent"):
        plan(table(Row("MT", {"depth": bad})))


@pytest.mark.parametrize("scale", jobs.SCALES)
def test_every_row_of_every_table_has_valid_settings(scale, monkeypatch):
    monkeypatch.chdir(ROOT)
    tables = tuple(registry.TABLES.values())
    assert not jobs.plan(Choice(tables, scale), WORKDIR).left_out
    rooms = jobs.plan(Choice(tables, scale, "rooms"), WORKDIR)
    assert not rooms.left_out
    assert {job.settings.data.dataset for job in rooms.jobs} == {"rooms"}
    earlier: set[str] = set()
    for job in rooms.jobs:
        assert earlier.issuperset(job.needs)
        earlier.add(job.name)


def test_rows_of_a_seed_begin_with_the_same_stage_1(monkeypatch):
    monkeypatch.chdir(ROOT)
    choice = Choice(
        (registry.TABLES["X5"],), "study", "rooms", 2, ("10",), ("ST", "MT", "MGM")
    )
    planned = jobs.plan(choice, WORKDIR)
    by_name = {job.name: job for job in planned.jobs}
    # Of each seed stage 1 of M and of three single tasks, and what begins with them.
    assert len(by_name) == 2 * (4 + 3 + 2)
    stem = "rooms-labelled_percent10"
    mgm = by_name[f"{stem}-mgm+after_stage_1-seed1"]
    assert mgm.needs == (f"{stem}-mt+stage_1-seed1",)
    assert by_name[f"{stem}-mt+after_stage_1-seed1"].needs == mgm.needs
    assert by_name[f"{stem}-st_depth+after_stage_1-seed0"].needs == (
        f"{stem}-st_depth+stage_1-seed0",
    )
    source = mgm.settings.source.start_from
    assert source == (str(WORKDIR / mgm.needs[0]),)
    # Each seed has labelled examples of its own, the same for all rows.
    assert (mgm.settings.data.split_seed, mgm.settings.data.protocol) == (1, "demo")
    lengths = {
        (job.settings.schedule.multi_task_length, job.settings.schedule.joint_length)
        for job in planned.jobs
    }
    assert lengths == {("2000steps", "0steps"), ("0steps", "800steps")}


def test_a_scale_has_flags_of_its_own_for_a_data_set(monkeypatch):
    monkeypatch.chdir(ROOT)
    choice = Choice((registry.TABLES["X5"],), "study", "nyuv2", 1, ("25",), ("MT",))
    # Stage 1, and what begins with it, of both splits.
    first, mt = jobs.plan(choice, WORKDIR).jobs[:2]
    assert first.settings.schedule.multi_task_length == "800steps"
    # The row's own flags come after them.
    assert mt.settings.schedule.multi_task_length == "0steps"
    assert mt.settings.schedule.joint_length == "400steps"
    assert mt.settings.data.augmentation == "flip_crop"
    # What is said for all data sets stays.
    assert mt.settings.network.width == 0.25
