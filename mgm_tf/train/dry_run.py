"""What a run would train and what it would cost, before there are data."""

from mgm_tf import networks
from mgm_tf.data import inputs
from mgm_tf.data.dataset import HELD_OUT, WEAK
from mgm_tf.method.algorithm import STAGE_NAMES
from mgm_tf.train import costs
from mgm_tf.train.experiment import Experiment


def report(experiment: Experiment) -> str:
    """What would be trained and what a step of it costs, without training data."""
    built = experiment.data.is_built()
    schedule = experiment.settings.schedule
    some = max(getattr(schedule, f"{n}_batch_size") for n in STAGE_NAMES)
    examples = len(experiment.data.train) if built else some
    found, lengths = {}, {}
    for stage in experiment.plan(examples):
        model = experiment.model(stage, experiment.optimizers(stage))
        names = experiment.data.task_names
        maps = {WEAK: (), HELD_OUT: names}
        extra = {name: (maps[name], size) for name, size in stage.extra.items()}
        spec = inputs.batch_spec(experiment.data.info, names, stage.batch_size, extra)
        found[stage] = costs.step_costs(model, spec)
        text = getattr(schedule, f"{stage.name}_length")
        steps = f" = {stage.steps} steps" if built else ", the data are not built yet"
        lengths[stage.name] = text + steps
    counts = networks.parameter_counts(experiment.networks)
    return costs.table(counts, found, lengths)
