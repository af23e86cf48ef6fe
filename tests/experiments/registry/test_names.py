"""Names of runs: readable, safe, one for each run."""

import itertools
import re

import pytest

from mgm_tf.experiments.registry import names
from mgm_tf.experiments.registry.records import Block, Row, Training

QUARTER = (("labelled_percent", "25"),)


@pytest.mark.parametrize(
    ("training", "expected"),
    [
        (Training(("mgm",)), "nyuv2-labelled_percent25-mgm-seed0"),
        (
            Training(("mgm", "256px"), (("synthesis_ratio", "2"),)),
            "nyuv2-labelled_percent25-mgm+256px-synthesis_ratio2-seed0",
        ),
        # Where the value does not begin with a digit, there is a sign between.
        (
            Training(("mt",), (("tasks", "depth,normals"), ("protocol", ""))),
            "nyuv2-labelled_percent25-mt-tasks=depth+normals-protocol=-seed0",
        ),
        # What would end the folder, the name or a part of it has a number.
        (
            Training(("a/b",), (("length", "-1"),)),
            "nyuv2-labelled_percent25-a%2Fb-length=%2D1-seed0",
        ),
    ],
)
def test_names_are_read_by_people(training, expected):
    assert names.run_name("nyuv2", QUARTER, training, 0) == expected


def test_what_is_needed_is_not_in_the_name():
    needy = Training(("st_g",), needs=(("oracle", (Training(("oracle",)),)),))
    assert names.stem("rooms", (), needy) == names.stem(
        "rooms", (), Training(("st_g",))
    )


# Parts that could be mistaken for others: digits, signs, separators, nothing.
FLAGS = [
    (),
    (("a", "1"),),
    (("a", "12"),),
    (("a1", "2"),),
    (("a_1", "2"),),
    (("a", "b"),),
    (("a", "1"), ("b", "2")),
    (("b", "2"), ("a", "1")),
    (("a", "1-b2"),),
    (("a", "1+b2"),),
    (("a", "1,b2"),),
    (("a", ""),),
    (("a", "%2D"),),
]
VARIANTS = [
    (),
    ("a1",),
    ("b2",),
    ("a1", "b2"),
    ("a1+b2",),
    ("a", "1"),
    ("a=1",),
    ("a",),
]


def test_two_runs_have_two_names():
    found = {}
    for flags, variants, more in itertools.product(FLAGS, VARIANTS, FLAGS):
        stem = names.stem("d", flags, Training(variants, more))
        assert found.setdefault(stem, (flags, variants, more)) == (
            flags,
            variants,
            more,
        )
        # Letters that a shell or a list of flags leaves alone.
        assert re.fullmatch(r"[\w.%=+-]+", stem)
    assert len(found) == len(FLAGS) * len(VARIANTS) * len(FLAGS)


def test_the_seed_is_read_again():
    training = Training(("mgm",), (("seed", "3"),))
    name = names.run_name("rooms", QUARTER, training, 12)
    assert names.stem_and_seed(name) == (names.stem("rooms", QUARTER, training), 12)
    assert names.stem_and_seed("demo") is None
    assert names.stem_and_seed("seed0") is None


def test_the_paper_s_own_data_have_flags_of_their_own():
    row = Row("MT", {"depth": Training(("mt",))})
    block = Block("b", "nyuv2", (row,), QUARTER, (("protocol", "scenes"),))
    assert names.flags_on(block, "nyuv2") == (*QUARTER, ("protocol", "scenes"))
    assert names.flags_on(block, "rooms") == QUARTER


def test_refuses_what_is_no_file_name():
    with pytest.raises(ValueError, match="seed of 0 or more, got -1"):
        names.run_name("rooms", (), Training(("mt",)), -1)
    with pytest.raises(ValueError, match="a file name has 255 at most"):
        names.run_name("rooms", (), Training(("m" * 300,)), 0)
