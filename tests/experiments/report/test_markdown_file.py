"""The parts of a Markdown file that a command makes."""

import pytest

from mgm_tf.experiments.report import markdown_file

TEXT = """# Results

Words of ours.

<!-- begin: table 2 -->
old
<!-- end: table 2 -->

More words.
"""


def test_what_is_between_marks_is_made_anew_and_nothing_else():
    made = markdown_file.filled(TEXT, {"table 2": "| a |\n", "tried 2": "no"})
    assert made == TEXT.replace("\nold\n", "\n\n| a |\n\n")
    assert markdown_file.filled(made, {"table 2": "| a |\n"}) == made


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match="table 2 -->` names no part; there are ta"):
        markdown_file.filled(TEXT, {"table 3": ""})


@pytest.mark.parametrize(
    "wrong",
    [
        TEXT.replace("end: table 2", "end: table 3"),
        TEXT.replace("<!-- end: table 2 -->", ""),
        TEXT + "<!-- begin: table 3 -->",
    ],
)
def test_marks_that_do_not_match_are_refused(wrong):
    with pytest.raises(ValueError, match="between `<!-- begin: NAME -->` and"):
        markdown_file.marked(wrong)
