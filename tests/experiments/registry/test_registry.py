"""The paper's tables: complete, whole in themselves, and with the paper's figures."""

import collections
import itertools
import statistics

import pytest

from mgm_tf.experiments.registry import TABLES, records, table_of, trainings
from mgm_tf.experiments.registry.records import COLUMNS, Better, Close, Growing

PAPER = [
    *("1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15"),
    *("F4", "F5", "F6", "F7", "F8"),
]
OURS = ["X1", "X2", "X3", "X4", "X5"]

# `configs/variants/NAME.flags`.
VARIANTS = {
    *("st_segmentation", "st_depth", "st_normals", "st_edges", "st_reshading"),
    *("st_curvature", "st_large_segmentation", "st_large_depth", "st_large_normals"),
    *("mt", "mt_large", "mt_without_normals", "mt_uncertainty", "mt_dwa", "mt_pcgrad"),
    *("mgm", "mgm_r", "mgm_without_g", "mgm_frozen", "mgm_without_self"),
    *("mgm_without_refine", "mgm_recon", "mgm_dcgan", "mgm_without_normals"),
    *("mgm_segmentation", "mgm_depth", "mgm_normals", "mgm_combine"),
    *("mgm_generator_average", "mgm_diffaugment", "em_latent", "peoe", "lset"),
    *("task_grouping", "task_grouping_alternative", "cross_stitch", "adashare"),
    *("oracle", "st_g", "mt_to_normals", "mgm_to_normals"),
    *("256px", "six_tasks", "multi_hot", "stage_1", "after_stage_1"),
}
FLAGS_OF_TRAININGS = {"labelled_percent", "synthesis_ratio", "weak_percent"}
NEEDS = {"start_from", "generators_from", "oracle"}

# Copied from the paper, not from the registry: (table, block) -> rows; the tasks in the
# order of the columns.
FIGURES = {
    ("1", "tiny_taskonomy 100 %"): {"ST": [0.111], "ST_G": [0.148]},
    ("2", "nyuv2 50 %"): {
        "ST": [0.230, 0.837, 0.309],
        "MT": [0.237, 0.819, 0.291],
        "MGM": [0.251, 0.734, 0.273],
        "MGM_r": [0.258, 0.723, 0.270],
    },
    ("2", "tiny_taskonomy 25 %"): {
        "ST": [0.119, 1.795, 0.154],
        "MT": [0.141, 1.692, 0.152],
        "MGM": [0.117, 1.585, 0.148],
        "MGM_r": [0.115, 1.580, 0.142],
    },
    ("4", "nyuv2 50 %"): {
        "MGM/self": [0.239, 0.776, 0.279],
        "MGM/refine": [0.254, 0.808, 0.290],
        "MGM_recon": [0.241, 0.768, 0.285],
        "MGM": [0.251, 0.734, 0.273],
    },
    ("5", "tiny_taskonomy 50 %"): {
        "ST": [0.120, 1.768, 0.157, 0.228, 0.703, 0.462],
        "MT": [0.112, 1.747, 0.169, 0.241, 0.704, 0.436],
        "MGM": [0.108, 1.715, 0.152, 0.201, 0.699, 0.417],
    },
    ("7", "nyuv2 10 %"): {
        "ST": [0.162, 1.004, 0.337],
        "MT": [0.185, 0.930, 0.311],
        "MGM": [0.197, 0.911, 0.291],
    },
    ("11", "nyuv2 25 %"): {"MT": [0.323], "MGM": [0.305]},
    ("13", "cityscapes_zurich"): {"ST": [0.57], "MGM": [0.64]},
}
# Of Table 2: the standard deviations of five runs.
DEVIATIONS = {
    "nyuv2 100 %": {
        "ST": [0.008, 0.019, 0.06],
        "MT": [0.005, 0.021, 0.008],
        "MGM": [0.005, 0.014, 0.010],
    },
    "tiny_taskonomy 50 %": {
        "ST": [0.003, 0.007, 0.002],
        "MT": [0.002, 0.009, 0.002],
        "MGM": [0.003, 0.008, 0.002],
        "MGM_r": [0.002, 0.007, 0.001],
    },
}


def blocks():
    return [(table, block) for table in TABLES.values() for block in table.blocks]


def all_trainings():
    """Every training of a row, and those that these need."""
    found = {t for _, b in blocks() for row in b.rows for t in row.trainings()}
    waiting = list(found)
    while waiting:
        for _, needed in waiting.pop().needs:
            waiting += set(needed) - found
            found |= set(needed)
    return found


def block_of(table, name):
    return {block.name: block for block in TABLES[table].blocks}[name]


def test_every_table_and_figure_with_results_is_here_and_then_ours():
    assert list(TABLES) == PAPER + OURS
    assert all(name == table.name for name, table in TABLES.items())


def test_a_table_is_found_by_its_name():
    assert table_of("F5") is TABLES["F5"]
    with pytest.raises(ValueError, match=r"No table '16'; there are 1, 2, .*F8, X1"):
        table_of("16")


def test_a_figure_is_drawn_and_a_table_is_not():
    drawn = {name for name, table in TABLES.items() if table.drawing}
    assert drawn == {"F4", "F5", "F6", "F7", "F8"}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_names_are_unique(table):
    names = [block.name for block in table.blocks]
    assert names
    assert len(set(names)) == len(names)
    for block in table.blocks:
        rows = [row.name for row in block.rows]
        assert len(set(rows)) == len(rows)


def test_a_block_has_a_column_for_each_task():
    for _, block in blocks():
        columns = [column.task for column in COLUMNS[block.dataset]]
        # In this order: figures are read from left to right.
        assert list(block.tasks) == [task for task in columns if task in block.tasks]
        assert all(row.reads for row in block.rows)


def test_a_task_of_a_row_is_read_from_a_network_that_has_it():
    single = {*trainings.ST.values(), *trainings.ST_LARGE.values()}
    for _, block in blocks():
        for row in block.rows:
            for task, training in row.reads.items():
                if training in single:
                    assert training.variants[0].endswith(f"_{task}")


def test_every_published_figure_is_in_a_row():
    for _, block in blocks():
        cells = {(row.name, task) for row in block.rows for task in row.reads}
        assert set(block.published) <= cells


def test_every_cell_of_a_table_is_published():
    for name in PAPER[:15]:
        for block in TABLES[name].blocks:
            cells = {(row.name, task) for row in block.rows for task in row.reads}
            assert set(block.published) == cells


@pytest.mark.parametrize(("table", "block"), FIGURES)
def test_figures_are_those_of_the_paper(table, block):
    found = collections.defaultdict(list)
    for (row, _), figure in block_of(table, block).published.items():
        found[row].append(figure.mean)
    assert found == FIGURES[table, block]


@pytest.mark.parametrize("block", DEVIATIONS)
def test_deviations_are_those_of_the_paper(block):
    found = collections.defaultdict(list)
    for (row, _), figure in block_of("2", block).published.items():
        found[row].append(figure.std)
    assert found == DEVIATIONS[block]


def test_only_table_2_has_deviations():
    for table, block in blocks():
        stds = {figure.std is not None for figure in block.published.values()}
        # Table X5 shows those of Table 2 beside ours.
        assert stds <= {table.name == "2"} or table.name == "X5"


def test_one_run_serves_all_tables_that_show_it():
    # MGM with half of NYUv2's labels, under three names.
    cells = [
        *(("2", "MGM"), ("4", "MGM"), ("8", "MGM"), ("9", "EML")),
        *(("12", "MGM-SAGAN"), ("15", "MGM"), ("F4", "MGM"), ("X3", "MGM, gradient")),
    ]
    found = set()
    for table, name in cells:
        block = block_of(table, "nyuv2 50 %")
        row = {row.name: row for row in block.rows}[name]
        found |= {(block.dataset, block.flags, *row.trainings())}
    assert len(found) == 1


def test_the_variants_are_known_and_all_used():
    used = {name for training in all_trainings() for name in training.variants}
    assert used == VARIANTS


def test_flags_are_texts_of_known_names():
    for training in all_trainings():
        for name, value in training.flags:
            assert name in FLAGS_OF_TRAININGS
            assert isinstance(value, str)
        assert {name for name, _ in training.needs} <= NEEDS
    for _, block in blocks():
        assert {name for name, _ in block.flags} <= {"labelled_percent"}
        assert {name for name, _ in block.own_flags} <= {"protocol"}
        assert all(isinstance(value, str) for _, value in block.flags + block.own_flags)


def test_needs_lie_one_below_the_other():
    # Trainings are frozen and hold what they need: a circle cannot be made. What is
    # needed needs nothing further, so runs are made in two waves.
    for training in all_trainings():
        for _, needed in training.needs:
            assert needed
            assert not any(one.needs for one in needed)


def test_unlabelled_real_images_are_left_for_mgm_r():
    for _, block in blocks():
        labelled = float(dict(block.flags).get("labelled_percent", 100))
        for training in {t for row in block.rows for t in row.trainings()}:
            if "mgm_r" in training.variants:
                weak = float(dict(training.flags).get("weak_percent", labelled))
                assert labelled + weak <= 100


def test_figure_5_goes_from_a_quarter_to_five():
    (block,) = TABLES["F5"].blocks
    flags = {row.name: dict(row.trainings()[0].flags) for row in block.rows}
    # 25 % are labelled: 100 % synthesized images are four for each of these.
    assert flags["MGM 100 %"] == flags["MGM/j 100 %"] == {"synthesis_ratio": "4"}
    assert flags["MGM_r 75 %"] == {"weak_percent": "75"}
    percents = {
        curve: [int(name.split()[1]) for name in flags if name.split()[0] == curve]
        for curve in ("MGM", "MGM/j", "MGM_r")
    }
    up_to_125 = [25, 50, 75, 100, 125]
    assert percents == {"MGM": up_to_125, "MGM/j": up_to_125, "MGM_r": [25, 50, 75]}


# --- Claims -------------------------------------------------------------------------

CLAIMS = [
    pytest.param(table, claim, id=f"{table.name}: {claim.text}")
    for table in TABLES.values()
    for claim in table.claims
]


def tasks_of(table, claim, pair):
    """What both cells of a pair have, of the tasks of the claim."""
    reads = [
        {row.name: row for row in block_of(table.name, block).rows}[row].reads
        for block, row in pair
    ]
    asked = getattr(claim, "tasks", ()) or reads[0]
    return [task for task in asked if all(task in one for one in reads)]


def leads(table, claim, pair):
    """By how much, relative to the second, the first is better: task -> share."""
    first, second = (block_of(table.name, block) for block, _ in pair)
    column = {column.task: column for column in COLUMNS[first.dataset]}
    found = {}
    for task in tasks_of(table, claim, pair):
        one = first.published[pair[0][1], task].mean
        other = second.published[pair[1][1], task].mean
        sign = 1 if column[task].higher_is_better else -1
        found[task] = sign * (one - other) / other
    return found


def holds(claim, found):
    """Whether a claim is borne out, by the leads of its pairs."""
    values = [lead for pair in found for lead in pair.values()]
    rules = {
        Better: lambda: sum(v > 0 for v in values) >= claim.share * len(values),
        Close: lambda: all(abs(v) <= claim.tolerance for v in values),
        Growing: lambda: all(
            statistics.mean(a.values()) < statistics.mean(b.values())
            for a, b in itertools.pairwise(found)
        ),
    }
    return rules[type(claim)]()


@pytest.mark.parametrize(("table", "claim"), CLAIMS)
def test_a_claim_compares_cells_that_exist(table, claim):
    assert claim.text.endswith(".")
    assert claim.pairs
    for pair in claim.pairs:
        assert pair[0] != pair[1]
        assert tasks_of(table, claim, pair)


@pytest.mark.parametrize(
    ("table", "claim"), [case for case in CLAIMS if case.values[0].name in PAPER[:15]]
)
def test_the_papers_own_figures_bear_a_claim_out(table, claim):
    assert holds(claim, [leads(table, claim, pair) for pair in claim.pairs])


def test_every_table_claims_something_and_figure_5_does():
    claiming = [name for name, table in TABLES.items() if table.claims]
    assert claiming == [*PAPER[:15], "F5", "X5"]


def test_claims_name_each_pair_once():
    for case in CLAIMS:
        _, claim = case.values
        assert isinstance(claim, records.Claim)
        assert len(set(claim.pairs)) == len(claim.pairs)
