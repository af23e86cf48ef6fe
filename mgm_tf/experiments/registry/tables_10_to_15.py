"""Tables 10 to 15: other images, networks and data sets, single tasks.

Each with the paper's figures, in the order of the tasks, and what the text claims.
"""

from mgm_tf.experiments.registry.notation import (
    NYUV2_SETTINGS,
    better,
    block,
    nyuv2,
    row,
)
from mgm_tf.experiments.registry.records import Table
from mgm_tf.experiments.registry.trainings import (
    MGM,
    MGM_256PX,
    MGM_COMBINE,
    MGM_DCGAN,
    MGM_DEPTH,
    MGM_FROZEN,
    MGM_MULTI_HOT,
    MGM_NORMALS,
    MGM_SEGMENTATION,
    MGM_TO_NORMALS,
    MT,
    MT_256PX,
    MT_TO_NORMALS,
    ST,
    ST_256PX,
)

TABLE_10 = Table(
    "10",
    "Experiments with 256 image resolution on the NYUv2 dataset",
    (
        nyuv2(
            50,
            row("ST", ST_256PX, ".239  .849  .282"),
            row("MT", MT_256PX, ".244  .834  .313"),
            row("MGM", MGM_256PX, ".257  .819  .275"),
        ),
    ),
    claims=(
        better(
            "MGM is better than ST and MT at a higher resolution.",
            ("nyuv2 50 %",),
            "MGM",
            ("ST", "MT"),
        ),
    ),
)

TABLE_11 = Table(
    "11",
    "Results for the SN task with pre-trained feature representations by the SS and DE "
    "tasks",
    (
        nyuv2(
            100,
            row("MT", MT_TO_NORMALS, ".291"),
            row("MGM", MGM_TO_NORMALS, ".280"),
            tasks=("normals",),
        ),
        nyuv2(
            50,
            row("MT", MT_TO_NORMALS, ".310"),
            row("MGM", MGM_TO_NORMALS, ".298"),
            tasks=("normals",),
        ),
        nyuv2(
            25,
            row("MT", MT_TO_NORMALS, ".323"),
            row("MGM", MGM_TO_NORMALS, ".305"),
            tasks=("normals",),
        ),
    ),
    claims=(
        better(
            "A new task learns better from MGM's features than from MT's.",
            NYUV2_SETTINGS,
            "MGM",
            ("MT",),
        ),
    ),
)

TABLE_12 = Table(
    "12",
    "Results with different image generation networks",
    (
        nyuv2(
            50,
            # Interpretation: ST and MT are those of Table 2, though three figures
            # differ.
            row("ST", ST, ".233  .835  .309"),
            row("MT", MT, ".237  .815  .291"),
            row("MGM-SAGAN", MGM, ".251  .734  .273"),
            row("MGM-DCGAN", MGM_DCGAN, ".245  .750  .285"),
        ),
    ),
    claims=(
        *(
            better(
                f"{name} is better than ST and MT on all tasks.",
                ("nyuv2 50 %",),
                name,
                ("ST", "MT"),
            )
            for name in ("MGM-SAGAN", "MGM-DCGAN")
        ),
        better(
            "A more powerful image generation network leads to better performance.",
            ("nyuv2 50 %",),
            "MGM-SAGAN",
            ("MGM-DCGAN",),
        ),
    ),
)

TABLE_13 = Table(
    "13",
    "Results on the Cityscapes subset, with multi-hot object labels",
    (
        block(
            "cityscapes_zurich",
            "cityscapes_zurich",
            row("ST", ST, ".57"),
            row("MGM", MGM_MULTI_HOT, ".64"),
            tasks=("segmentation",),
        ),
    ),
    claims=(
        better(
            "MGM is better than ST with multi-hot labels.",
            ("cityscapes_zurich",),
            "MGM",
            ("ST",),
        ),
    ),
)

TABLE_14 = Table(
    "14",
    "Comparison with extreme low data in Taskonomy",
    (
        block(
            "tiny_taskonomy, three buildings",
            "tiny_taskonomy",
            row("ST", ST, ".137  1.836  .161"),
            row("MT", MT, ".156  1.807  .162"),
            row("MGM", MGM, ".125  1.670  .153"),
            own_flags=(("protocol", "three_buildings"),),
        ),
    ),
    claims=(
        better(
            "MGM is better than ST and MT with few data of Taskonomy.",
            ("tiny_taskonomy, three buildings",),
            "MGM",
            ("ST", "MT"),
        ),
    ),
)

# Of Table 3, MGM/j is here as well: the text compares MGM-Combine with it.
TABLE_15 = Table(
    "15",
    "Ablation with MGM for single tasks",
    (
        nyuv2(
            50,
            row("ST", ST, ".230  .837  .309"),
            row("MGM-SS", {"segmentation": MGM_SEGMENTATION}, ".244  -  -"),
            row("MGM-DE", {"depth": MGM_DEPTH}, "-  .752  -"),
            row("MGM-SN", {"normals": MGM_NORMALS}, "-  -  .277"),
            row("MGM/j", MGM_FROZEN, ".243  .763  .281"),
            row("MGM-Combine", MGM_COMBINE, ".249  .747  .277"),
            row("MGM", MGM, ".251  .734  .273"),
        ),
    ),
    claims=(
        *(
            better(
                f"MGM helps a single task: {name} is better than ST.",
                ("nyuv2 50 %",),
                name,
                ("ST",),
            )
            for name in ("MGM-SS", "MGM-DE", "MGM-SN")
        ),
        better(
            "Joint training with all tasks is better than with single ones.",
            ("nyuv2 50 %",),
            "MGM",
            ("MGM-SS", "MGM-DE", "MGM-SN"),
        ),
        better(
            "Generators trained for single tasks are slightly better than one trained "
            "for none: MGM-Combine is better than MGM/j.",
            ("nyuv2 50 %",),
            "MGM-Combine",
            ("MGM/j",),
        ),
        better(
            "They do not reach joint training: MGM is better than MGM-Combine.",
            ("nyuv2 50 %",),
            "MGM",
            ("MGM-Combine",),
        ),
    ),
)
