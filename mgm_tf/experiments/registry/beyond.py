"""Tables X1 to X5: rows that the paper does not have, with those to compare them to."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mgm_tf.experiments.registry.notation import better, block, nyuv2, row
from mgm_tf.experiments.registry.records import Block, Flags, Table
from mgm_tf.experiments.registry.trainings import (
    EM_LATENT,
    MGM,
    MGM_DIFFAUGMENT,
    MGM_GENERATOR_AVERAGE,
    MT,
    MT_DWA,
    MT_PCGRAD,
    MT_UNCERTAINTY,
    TASK_GROUPING,
    TASK_GROUPING_ALTERNATIVE,
    THREE,
    after_stage_1,
    stage_1,
)

TABLE_X1 = Table(
    "X1",
    "Weighting the tasks: their plain sum, by uncertainty, dynamic weight average, "
    "projected gradients",
    (
        nyuv2(
            25,
            row("MT", MT),
            row("MT, uncertainty", MT_UNCERTAINTY),
            row("MT, DWA", MT_DWA),
            row("MT, PCGrad", MT_PCGRAD),
        ),
    ),
)

TABLE_X2 = Table(
    "X2",
    "Training the generator: as it is, averaged over its steps, with differentiable "
    "augmentation",
    (
        nyuv2(
            25,
            row("MGM", MGM),
            row("MGM, generator average", MGM_GENERATOR_AVERAGE),
            row("MGM, DiffAugment", MGM_DIFFAUGMENT),
        ),
    ),
)

TABLE_X3 = Table(
    "X3",
    "The EM-like algorithm: a gradient step on E (Algorithm 1), or latent labels as in "
    "equations 4 and 5",
    (
        nyuv2(
            50,
            row("MGM, gradient", MGM),
            row("MGM, latent labels", EM_LATENT),
        ),
    ),
)

TABLE_X4 = Table(
    "X4",
    "Groups of tasks that share a network: all, the best of little data, the best of "
    "much data",
    (
        nyuv2(
            25,
            row("MT", MT),
            row("TaskGrouping", TASK_GROUPING),
            row("TaskGrouping, alternative", TASK_GROUPING_ALTERNATIVE),
        ),
    ),
)

# --- Few labels -----------------------------------------------------------------------

# M's stage 1, one for all rows of a seed.
_FIRST = stage_1("mt")
_ST = {task: after_stage_1(f"st_{task}", stage_1(f"st_{task}")) for task in THREE}
_VARIANTS = {
    "MT": "mt",
    "MGM/G": "mgm_without_g",
    "MGM/j": "mgm_frozen",
    "MGM": "mgm",
    "MGM_r": "mgm_r",
    "MGM/self": "mgm_without_self",
    "MGM/refine": "mgm_without_refine",
    "LSeT": "lset",
    "PEoE": "peoe",
}
_MAIN = ("MT", "MGM/G", "MGM/j", "MGM", "MGM_r")
# The paper's figures of a quarter of NYUv2's labels: Tables 2 and 3.
_PAPER = {
    "ST": ".199±.004  .908±.017  .312±.007",
    "MT": ".207±.007  .874±.015  .296±.007",
    "MGM/G": ".215  .868  .292",
    "MGM/j": ".220  .860  .286",
    "MGM": ".229±.004  .844±.011  .277±.006",
    "MGM_r": ".231±.005  .821±.009  .274±.005",
}


def _few_labels(
    name: str,
    dataset: str,
    percent: int,
    names: Iterable[str] = _MAIN,
    *,
    figures: Mapping[str, str] = MappingProxyType({}),
    own_flags: Flags = (),
) -> Block:
    """Returns a setting of Table X5: ST and the rows of these names."""
    trained = {"ST": _ST} | {
        name: after_stage_1(_VARIANTS[name], _FIRST) for name in names
    }
    return block(
        name,
        dataset,
        *(row(name, each, figures.get(name, "")) for name, each in trained.items()),
        flags=(("labelled_percent", str(percent)),),
        own_flags=own_flags,
        keeps_dataset=True,
    )


TABLE_X5 = Table(
    "X5",
    "Few labels: every row takes the same supervised steps, from the stage 1 that the "
    "rows of a seed share",
    (
        _few_labels("rooms 10 %", "rooms", 10, _VARIANTS),
        _few_labels("rooms 25 %", "rooms", 25),
        _few_labels("nyuv2 25 %", "nyuv2", 25, figures=_PAPER),
        _few_labels(
            "nyuv2 25 %, by scene",
            "nyuv2",
            25,
            own_flags=(("protocol", "scene"),),
        ),
    ),
    claims=tuple(
        better(
            f"{name} is better than {other} on all tasks ({setting}).",
            (setting,),
            name,
            (other,),
        )
        for setting in (
            "rooms 10 %",
            "rooms 25 %",
            "nyuv2 25 %",
            "nyuv2 25 %, by scene",
        )
        for name, other in (
            ("MGM", "MT"),
            ("MGM", "ST"),
            ("MGM/G", "MT"),
            ("MGM/j", "MGM/G"),
            ("MGM", "MGM/j"),
            ("MGM_r", "MGM"),
        )
    ),
)
