"""The trainings of the paper, by what they are. Each is a flag file, or a few.

What the paper gives several names is one training here, and trained once: MGM is also
MGM-SAGAN (Table 12) and EML (Table 9).
"""

from mgm_tf.experiments.registry.records import Training

THREE = ("segmentation", "depth", "normals")
SIX = (*THREE, "edges", "reshading", "curvature")

# Baselines (section 4.1): a network for each task, and one for all.
ST = {task: Training((f"st_{task}",)) for task in SIX}
MT = Training(("mt",))
MT_SIX_TASKS = Training(("mt", "six_tasks"))
ST_256PX = {task: Training((f"st_{task}", "256px")) for task in THREE}
MT_256PX = Training(("mt", "256px"))

# Larger baselines (appendix D.1): ResNet-34 of standard widths.
ST_LARGE = {task: Training((f"st_large_{task}",)) for task in THREE}
MT_LARGE = Training(("mt_large",))

# Other multi-task networks (appendix C.1).
TASK_GROUPING = Training(("task_grouping",))
TASK_GROUPING_ALTERNATIVE = Training(("task_grouping_alternative",))
CROSS_STITCH = Training(
    ("cross_stitch",), needs=(("start_from", tuple(ST[task] for task in THREE)),)
)
ADASHARE = Training(("adashare",))

# The method.
MGM = Training(("mgm",))
MGM_SIX_TASKS = Training(("mgm", "six_tasks"))
MGM_256PX = Training(("mgm", "256px"))
MGM_R = Training(("mgm_r",))  # needs unlabelled images: labelled_percent <= 50

# Without a part of it, or with another in its place (Tables 3, 4, 9 and 12).
MGM_WITHOUT_G = Training(("mgm_without_g",))
MGM_FROZEN = Training(("mgm_frozen",))  # MGM/j
MGM_WITHOUT_SELF = Training(("mgm_without_self",))
MGM_WITHOUT_REFINE = Training(("mgm_without_refine",))
MGM_RECON = Training(("mgm_recon",))
MGM_DCGAN = Training(("mgm_dcgan",))
PEOE = Training(("peoe",))
LSET = Training(("lset",))

# MGM for single tasks (Table 15), also with the classes in an image for a label (13).
MGM_SEGMENTATION = Training(("mgm_segmentation",))
MGM_DEPTH = Training(("mgm_depth",))
MGM_NORMALS = Training(("mgm_normals",))
MGM_COMBINE = Training(
    ("mgm_combine",),
    needs=(("generators_from", (MGM_SEGMENTATION, MGM_DEPTH, MGM_NORMALS)),),
)
MGM_MULTI_HOT = Training(("mgm_segmentation", "multi_hot"))

# The pilot study (section 2): a network trained with all labels annotates images.
ORACLE = Training(("oracle",), flags=(("labelled_percent", "100"),))
ST_G = Training(("st_g",), needs=(("oracle", (ORACLE,)),))

# A new decoder of normals on the frozen encoder of the other two tasks (Table 11).
MT_WITHOUT_NORMALS = Training(("mt_without_normals",))
MGM_WITHOUT_NORMALS = Training(("mgm_without_normals",))
MT_TO_NORMALS = Training(
    ("mt_to_normals",), needs=(("start_from", (MT_WITHOUT_NORMALS,)),)
)
MGM_TO_NORMALS = Training(
    ("mgm_to_normals",), needs=(("start_from", (MGM_WITHOUT_NORMALS,)),)
)

# Beyond the paper.
MT_UNCERTAINTY = Training(("mt_uncertainty",))
MT_DWA = Training(("mt_dwa",))
MT_PCGRAD = Training(("mt_pcgrad",))
MGM_GENERATOR_AVERAGE = Training(("mgm_generator_average",))
MGM_DIFFAUGMENT = Training(("mgm_diffaugment",))
EM_LATENT = Training(("em_latent",))


def stage_1(variant: str) -> Training:
    """Returns the training of stage 1 alone of a variant without a generator."""
    return Training((variant, "stage_1"))


def after_stage_1(variant: str, first: Training) -> Training:
    """Returns the training of a variant that begins where stage 1 of another ended."""
    return Training((variant, "after_stage_1"), needs=(("start_from", (first,)),))
