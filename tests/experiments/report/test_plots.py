"""Plots: what does not fit is not cut off."""

import pytest

from mgm_tf.experiments.report import plots


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        ((), 1),
        (("MT",), 1),
        (("MT", "MGM"), 2),
        (("ST", "MT", "MGM", "MGM_r"), 3),
        (("MGM", "MGM, generator average", "MGM, DiffAugment"), 2),  # 2 x 30 of 60
        (("a" * 60, "b"), 1),
    ],
)
def test_names_of_a_legend_stand_side_by_side_where_they_fit(names, columns):
    assert plots.legend_columns(names) == columns
