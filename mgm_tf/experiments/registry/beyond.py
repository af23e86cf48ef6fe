"""Tables X1 to X4: rows that the paper does not have, with those to compare them to."""

from mgm_tf.experiments.registry.notation import nyuv2, row
from mgm_tf.experiments.registry.records import Table
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
