"""Figures 4 to 8: the runs that they are drawn of. Figures 1 to 3 show no results."""

import dataclasses

from mgm_tf.experiments.registry.notation import Line, close, nyuv2, row, tiny_taskonomy
from mgm_tf.experiments.registry.records import (
    Better,
    Cell,
    Flags,
    Growing,
    Table,
    Training,
)
from mgm_tf.experiments.registry.trainings import MGM, MGM_FROZEN, MGM_R, MT, ST, ST_G

_PREDICTIONS = nyuv2(50, row("ST", ST), row("MT", MT), row("MGM", MGM))

FIGURE_4 = Table(
    "F4",
    "Visualization and error comparison of the multi-task prediction outputs in the "
    "50 % data setting",
    (_PREDICTIONS,),
    drawing="predictions",
)

# Weakly labelled images in percent of all training images -> flags. A quarter has all
# its labels, so that 25 % are as many weak images as labelled ones: the default.
_SYNTHESIZED: dict[int, Flags] = {
    25: (),
    50: (("synthesis_ratio", "2"),),
    75: (("synthesis_ratio", "3"),),
    100: (("synthesis_ratio", "4"),),
    125: (("synthesis_ratio", "5"),),
}
_REAL: dict[int, Flags] = {
    25: (),
    50: (("weak_percent", "50"),),
    75: (("weak_percent", "75"),),
}


def _curve(name: str, training: Training, weak: dict[int, Flags]) -> tuple[Line, ...]:
    """Returns the rows `NAME 25 %`, `NAME 50 %`, ... of a curve."""
    return tuple(
        row(f"{name} {percent} %", dataclasses.replace(training, flags=flags))
        for percent, flags in weak.items()
    )


def _cell(name: str, percent: int) -> Cell:
    return "nyuv2 25 %", f"{name} {percent} %"


FIGURE_5 = Table(
    "F5",
    "Performance change with different ratios of weakly labeled data",
    (
        nyuv2(
            25,
            *_curve("MGM/j", MGM_FROZEN, _SYNTHESIZED),
            *_curve("MGM", MGM, _SYNTHESIZED),
            *_curve("MGM_r", MGM_R, _REAL),
        ),
    ),
    claims=(
        Growing(
            "Joint learning matters more, the more images are synthesized: the lead of "
            "MGM over MGM/j grows.",
            tuple(
                (_cell("MGM", percent), _cell("MGM/j", percent))
                for percent in (25, 50, 75, 100, 125)
            ),
        ),
        Better(
            "MGM keeps improving with the number of synthesized images.",
            tuple(
                (_cell("MGM", percent + 25), _cell("MGM", percent))
                for percent in (25, 50, 75, 100)
            ),
        ),
        close(
            "In the end MGM is close to MGM_r with all real images.",
            ("nyuv2 25 %",),
            [("MGM 125 %", "MGM_r 75 %")],
            tolerance=0.1,
        ),
    ),
    drawing="ratio_curves",
)

FIGURE_6 = Table(
    "F6",
    "More visualizations of the multi-task predictions for MGM and the compared "
    "baselines",
    (_PREDICTIONS,),
    drawing="predictions",
)

FIGURE_7 = Table(
    "F7",
    "Generated images of SAGAN and MGM for the Tiny-Taskonomy dataset",
    (tiny_taskonomy(100, row("SAGAN", MGM_FROZEN), row("MGM", MGM)),),
    drawing="samples",
)

FIGURE_8 = Table(
    "F8",
    "Paired RGB and semantic segmentation labels of the pilot study",
    (tiny_taskonomy(100, row("ST_G", ST_G), tasks=("segmentation",)),),
    drawing="oracle",
)
