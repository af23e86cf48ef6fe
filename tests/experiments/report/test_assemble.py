"""The record of a report: cells, comparisons, what is shown where, claims by data."""

import dataclasses
import json

import pytest

from mgm_tf.experiments.registry.records import Better, Published, Row, Table, Training
from mgm_tf.experiments.report import assemble, find, parts
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import (
    COSTS,
    HALF,
    MGM,
    MT,
    ROWS,
    ST_DEPTH,
    ST_SEGMENTATION,
    block,
    figures,
)

NYUV2 = block(published={("MT", "segmentation"): Published(0.237, 0.006)})
TASKONOMY = block("tiny_taskonomy 50 %", "tiny_taskonomy")
BETTER = Better(
    "MGM is better",
    tuple(((name, "MGM"), (name, "MT")) for name in (NYUV2.name, TASKONOMY.name)),
)
TABLE = Table("2", "Main results", (NYUV2, TASKONOMY), (BETTER,))
TABLES = {"2": TABLE}


def write_all(root, seeds=3, **others):
    """ST, MT and MGM on Rooms: MGM ahead of MT by .02 and .1, ST behind."""
    for seed in range(seeds):
        more = 0.01 * seed
        run_folders.write(root, ST_SEGMENTATION, seed, figures(0.20 + more, None))
        run_folders.write(root, ST_DEPTH, seed, figures(None, 0.8 + more))
        run_folders.write(root, MT, seed, figures(0.25 + more, 0.6 + more), **others)
        run_folders.write(root, MGM, seed, figures(0.27 + 2 * more, 0.5), costs=COSTS)


def record_of(root, tables=TABLES, **options):
    return assemble(tables, find([root]), **options)


def only_block(record):
    (table,) = record["tables"]
    (found,) = table["blocks"]
    return found


def cell(found, row, task="segmentation"):
    return next(r for r in found["rows"] if r["name"] == row)["cells"][task]


def test_a_cell_is_the_mean_over_seeds(tmp_path):
    write_all(tmp_path)
    found = cell(only_block(record_of(tmp_path)), "MT")
    assert found["state"] == "measured" and found["reason"] == ""
    assert found["ours"] == {
        "mean": pytest.approx(0.26),
        "std": pytest.approx(0.01),
        "n": 3,
        "values": {"0": 0.25, "1": 0.26, "2": 0.27},
    }
    assert found["published"] == {"mean": 0.237, "std": 0.006}
    assert found["runs"]["1"] == "rooms-labelled_percent50-mt-seed1"


def test_rows_are_compared_with_mt_and_st(tmp_path):
    write_all(tmp_path)
    found = only_block(record_of(tmp_path))
    against = cell(found, "MGM")["against"]
    # .29 over .26 and over .21; MGM leads MT by .02, .03 and .04: t = 3 sqrt(3),
    # p = 1 - sqrt(27 / 29).
    assert against["MT"]["change"] == pytest.approx(100 * 3 / 26)
    assert against["ST"]["change"] == pytest.approx(100 * 8 / 21)
    assert against["MT"]["test"] == {
        "p": pytest.approx(1 - (27 / 29) ** 0.5),
        "pairs": 3,
    }
    mgm = found["rows"][2]
    # Depth falls from .81 to .5.
    assert mgm["delta_m"] == pytest.approx((100 * 8 / 21 + 100 * 31 / 81) / 2)
    assert cell(found, "ST")["against"]["ST"] is None
    assert found["rows"][0]["delta_m"] is None
    assert found["references"] == {"MT": "2", "ST": "2"}
    assert [cell(found, row)["best"] for row in ("ST", "MT", "MGM")] == [0, 0, 1]
    assert mgm["costs"]["seconds"] == 100 and found["rows"][1]["costs"] is None


def test_rows_without_mt_and_st_are_compared_with_those_of_another_table(tmp_path):
    write_all(tmp_path)
    alone = Table("4", "Ablation", (block(rows=ROWS[2:]),))
    record = record_of(tmp_path, TABLES | {"4": alone}, names=["4"])
    found = only_block(record)
    assert found["references"] == {"MT": "2", "ST": "2"}
    change = cell(found, "MGM")["against"]["MT"]["change"]
    assert change == pytest.approx(100 * 3 / 26)


def test_states_of_cells(tmp_path):
    write_all(tmp_path, seeds=1)
    run_folders.write(tmp_path, MT, 1, settings={"network": {"width": 1.0}})
    found = only_block(record_of(tmp_path))
    assert cell(found, "MT")["state"] == "measured"
    assert cell(found, "MT")["unfinished"] == ["rooms-labelled_percent50-mt-seed1"]
    run_folders.write(
        tmp_path, MT, 1, figures(0.2, 0.5), settings={"network": {"width": 1.0}}
    )
    refused = cell(only_block(record_of(tmp_path)), "MT")
    assert refused["state"] == "not averaged" and refused["ours"] is None
    assert refused["reason"].startswith(
        "--width: 0.25 in rooms-labelled_percent50-mt-s"
    )


def test_figures_that_are_not_there_are_not_averaged_away(tmp_path):
    write_all(tmp_path, seeds=1)
    run_folders.write(tmp_path, MT, 1, figures(0.2, None))
    found = only_block(record_of(tmp_path))
    assert cell(found, "MT", "segmentation")["state"] == "measured"
    broken = cell(found, "MT", "depth")
    assert broken["state"] == "not averaged"
    assert broken["reason"] == (
        "no absolute_error of depth in rooms-labelled_percent50-mt-seed1"
    )


def test_what_was_not_run(tmp_path):
    run_folders.write(tmp_path, MGM, 0)
    found = only_block(record_of(tmp_path, names=["2"]))
    assert cell(found, "MGM")["state"] == "not finished"
    assert cell(found, "MT")["state"] == "not run"
    assert cell(found, "MT")["published"]["mean"] == 0.237


def test_rows_on_other_data_are_not_compared(tmp_path):
    write_all(tmp_path, start={"data": {"fingerprint": "f" * 64}})
    found = only_block(record_of(tmp_path))
    assert found["problems"][0].startswith(
        "data: rooms/64/1.0.0 (abcdef01) in ST and M"
    )
    assert cell(found, "MGM")["against"]["MT"] is None
    assert cell(found, "MGM")["against"]["ST"] is not None


# --- Which blocks and tables --------------------------------------------------------


def test_blocks_of_the_same_runs_are_shown_once(tmp_path):
    write_all(tmp_path)
    found = only_block(record_of(tmp_path))
    assert found["title"] == "nyuv2 50 %, on rooms"
    assert (found["dataset"], found["paper_dataset"]) == ("rooms", "nyuv2")
    assert found["stands_for"] == ["tiny_taskonomy 50 %"]
    assert [column["metric"] for column in found["columns"]] == [
        "miou",
        "absolute_error",
    ]
    assert found["scale"]["image_size"] == [64]


def test_a_block_inside_another_is_not_shown(tmp_path):
    write_all(tmp_path)
    table = dataclasses.replace(
        TABLE, blocks=(block("small", rows=ROWS[1:]), TASKONOMY), claims=()
    )
    found = only_block(record_of(tmp_path, {"2": table}))
    assert (found["name"], found["stands_for"]) == ("tiny_taskonomy 50 %", ["small"])


def test_own_data_have_own_flags_and_stand_beside_others(tmp_path):
    own = (("protocol", "scenes"),)
    table = dataclasses.replace(TABLE, blocks=(block(own_flags=own), TASKONOMY))
    for training in (MT, MGM):
        metrics = {"segmentation": {"miou_tp": 0.2}, "depth": {"absolute_error": 0.5}}
        flags = (*HALF, *own)
        run_folders.write(tmp_path, training, 0, metrics, dataset="nyuv2", flags=flags)
        run_folders.write(tmp_path, training, 0, figures(0.2, 0.5))
    record = record_of(tmp_path, {"2": table})
    titles = [found["title"] for found in record["tables"][0]["blocks"]]
    assert titles == ["nyuv2 50 %", "nyuv2 50 %, on rooms"]
    # The claim is judged on each: on NYUv2 of its own block alone.
    judged = {claim["dataset"]: claim for claim in record["tables"][0]["claims"]}
    assert set(judged) == {"nyuv2", "rooms"}
    assert len(judged["nyuv2"]["comparisons"]) == 2
    (only,) = record_of(tmp_path, {"2": table}, dataset="rooms")["tables"]
    assert [found["title"] for found in only["blocks"]] == ["nyuv2 50 %, on rooms"]


def test_data_that_tables_name_stand_in_their_own_place(tmp_path):
    # One row more: of two blocks with the same runs only one is shown in any case.
    rows = (*ROWS, Row("LSeT", {"depth": Training(("lset",))}))
    more = block("tiny_taskonomy 50 %", "tiny_taskonomy", rows=rows)
    tables = {"2": dataclasses.replace(TABLE, blocks=(NYUV2, more))}

    def titles():
        (table,) = record_of(tmp_path, tables)["tables"]
        places = [claim["dataset"] for claim in table["claims"]]
        return [found["title"] for found in table["blocks"]], places

    own = {"segmentation": {"miou_tp": 0.2}, "depth": {"absolute_error": 0.5}}
    for training in (MT, MGM):
        run_folders.write(tmp_path, training, 0, own, dataset="nyuv2")
    assert titles() == (["tiny_taskonomy 50 %, on nyuv2"], ["nyuv2"])
    for training in (MT, MGM):
        run_folders.write(tmp_path, training, 0, own, dataset="tiny_taskonomy")
    both = ["nyuv2 50 %", "tiny_taskonomy 50 %"], ["nyuv2", "tiny_taskonomy"]
    assert titles() == both
    for training in (MT, MGM):
        run_folders.write(tmp_path, training, 0, figures(0.2, 0.5))
    assert titles() == (
        [*both[0], "tiny_taskonomy 50 %, on rooms"],
        [*both[1], "rooms"],
    )


@pytest.mark.parametrize(("finished", "shown"), [(0, False), (1, False), (2, True)])
def test_a_table_needs_two_finished_rows(tmp_path, finished, shown):
    for training in (MT, MGM)[:finished]:
        run_folders.write(tmp_path, training, 0, figures(0.2, 0.5))
    run_folders.write(tmp_path, ST_DEPTH, 0)
    assert bool(record_of(tmp_path)["tables"]) == shown
    assert record_of(tmp_path, names=["2"])["tables"]


def test_a_table_of_one_row_needs_that(tmp_path):
    tables = {"F8": Table("F8", "Annotations", (block(rows=ROWS[1:2]),))}
    run_folders.write(tmp_path, MGM, 0, figures(0.2, 0.5))
    assert not record_of(tmp_path, tables)["tables"]
    run_folders.write(tmp_path, MT, 0, figures(0.2, 0.5))
    assert record_of(tmp_path, tables)["tables"]


def test_refuses_unknown_names(tmp_path):
    with pytest.raises(ValueError, match="No table 3; there are 2"):
        record_of(tmp_path, names=["3"])
    with pytest.raises(ValueError, match="No columns for 'kitchens'"):
        record_of(tmp_path, dataset="kitchens")
    wrong = Better("", (((NYUV2.name, "MGM"), (NYUV2.name, "MT_l")),))
    table = dataclasses.replace(TABLE, claims=(wrong,))
    with pytest.raises(ValueError, match="row 'MT_l' of block 'nyuv2 50 %'"):
        record_of(tmp_path, {"2": table})


# --- The whole ----------------------------------------------------------------------


def test_claims_are_judged_once_on_data_in_the_place_of_both(tmp_path):
    write_all(tmp_path)
    (claim,) = record_of(tmp_path)["tables"][0]["claims"]
    assert (claim["dataset"], claim["outcome"]) == ("rooms", "held")
    assert claim["words"] == "2 of 2 comparisons agree"


def test_a_claim_without_runs_is_told_once(tmp_path):
    (claim,) = record_of(tmp_path, names=["2"])["tables"][0]["claims"]
    assert (claim["dataset"], claim["outcome"]) == ("", "not run")


def test_where_the_runs_come_from(tmp_path):
    oracle = Training(("oracle",))
    needy = Row("ST_G", {"depth": Training(("st_g",), needs=(("oracle", (oracle,)),))})
    table = dataclasses.replace(TABLE, blocks=(block(rows=(*ROWS, needy)),), claims=())
    write_all(tmp_path, seeds=1)
    run_folders.write(tmp_path, oracle, 0)
    run_folders.write(tmp_path, Training(("other",)), 0, figures(0.1, 0.1))
    run_folders.write_json(tmp_path / "demo" / "config.json", {})
    record = record_of(tmp_path, {"2": table})
    assert record["runs"] == {
        "finished": 5,
        "unfinished": ["demo", "rooms-labelled_percent50-oracle-seed0"],
        "unused": ["demo", "rooms-labelled_percent50-other-seed0"],
    }
    assert record["machines"] == ["2 CPU cores"]
    assert record["versions"]["keras"] == ["3.15.0"]
    assert [one["commit"][:6] for one in record["code"]] == ["c0ffee"]
    assert [one["name"] for one in record["data"]] == ["rooms/64/1.0.0"]


def test_the_record_is_json_and_the_same_each_time(tmp_path):
    write_all(tmp_path)
    first, second = (record_of(tmp_path) for _ in range(2))
    assert json.loads(json.dumps(first, allow_nan=False)) == first == second


def test_where_data_are_compared_no_other_takes_their_place(tmp_path):
    write_all(tmp_path)
    kept = dataclasses.replace(NYUV2, keeps_dataset=True)
    rooms = block("rooms 50 %", "rooms", keeps_dataset=True)
    claims = tuple(
        Better(f"on {each.name}", (((each.name, "MGM"), (each.name, "MT")),))
        for each in (kept, rooms)
    )
    tables = {"2": Table("2", "Data compared", (kept, rooms), claims)}
    record = record_of(tmp_path, tables, names=["2"])
    of_nyuv2, of_rooms = record["tables"][0]["blocks"]
    assert (of_nyuv2["dataset"], of_rooms["dataset"]) == ("nyuv2", "rooms")
    assert cell(of_nyuv2, "MT")["ours"] is None
    assert cell(of_rooms, "MT")["ours"]["n"] == 3
    outcomes = [claim["outcome"] for claim in record["tables"][0]["claims"]]
    assert outcomes == ["not run", "held"]
    # In a page of one's own, what is not run is one sentence.
    made = parts(record)
    assert made["table 2"].endswith("Not run: nyuv2 50 %.\n")
    assert "on rooms 50 %" in made["claims 2"] and "on nyuv2" not in made["claims 2"]
    assert "1 further claims are of rows that have not been run" in made["claims 2"]
