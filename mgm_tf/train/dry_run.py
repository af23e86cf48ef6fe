"""The report of a dry run: what would be trained and what it would cost."""

from mgm_tf import networks
from mgm_tf.data.batches import batch_spec
from mgm_tf.data.examples import HELD_OUT, WEAK
from mgm_tf.method.stages import STAGE_NAMES, Stage
from mgm_tf.train import costs
from mgm_tf.train.experiment import Experiment


def report(experiment: Experiment) -> str:
    """Returns the networks, the updates and the costs of a step of each stage.

    No training data are needed: those that are not built yet have no number of steps.
    """
    is_built = experiment.data.is_built()
    schedule = experiment.settings.schedule
    stage_costs, lengths = {}, {}
    for stage in experiment.plan(examples_of(experiment)):
        model = experiment.model(stage, experiment.optimizers(stage))
        spec = batch_of(experiment, stage)
        stage_costs[stage] = costs.step_costs(model, spec)
        length = getattr(schedule, f"{stage.name}_length")
        steps = (
            f" = {stage.steps} steps" if is_built else ", the data are not built yet"
        )
        lengths[stage.name] = length + steps
    counts = networks.parameter_counts(experiment.networks)
    return costs.table(counts, stage_costs, lengths)


def examples_of(experiment: Experiment) -> int:
    """Returns the number of training examples; of data not built yet, a batch."""
    if experiment.data.is_built():
        return len(experiment.data.train)
    schedule = experiment.settings.schedule
    return max(getattr(schedule, f"{name}_batch_size") for name in STAGE_NAMES)


def batch_of(experiment: Experiment, stage: Stage) -> dict:
    """Returns the shape and type of each part of a batch of a stage."""
    names = experiment.data.task_names
    tasks_of = {WEAK: (), HELD_OUT: names}
    extra = {name: (tasks_of[name], size) for name, size in stage.extra.items()}
    return batch_spec(experiment.data.info, names, stage.batch_size, extra)
