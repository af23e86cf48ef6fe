"""Metrics over a whole split, and what they say beside the constant predictor's."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf
import tqdm

from mgm_tf import inputs
from mgm_tf.examples import network_images
from mgm_tf.tasks import Task

# images [N, H, W, 3] in [-1, 1] -> task -> predictions in the network's coding
Predictor = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
# task -> metric -> value
Metrics = dict[str, dict[str, float]]


class Evaluator:
    """Computes the metrics of a predictor over splits, whatever the batch size."""

    def __init__(self, predictor: Predictor, tasks: tuple[Task, ...], batch_size: int):
        self._predictor = predictor
        self._tasks = tasks
        self._batch_size = batch_size
        self._statistics = tf.function(self._batch_statistics, reduce_retracing=True)

    def __call__(self, split: inputs.Split, *, progress: bool = False) -> Metrics:
        """The metrics over all of a split; `progress` shows how far it is."""
        sums: dict[str, dict[str, np.ndarray]] = {task.name: {} for task in self._tasks}
        number = -(-len(split) // self._batch_size)
        batches = inputs.in_order(split, self._batch_size)
        for batch in tqdm.tqdm(
            batches, "evaluating", number, leave=False, disable=not progress
        ):
            for name, values in self._statistics(batch).items():
                for key, value in values.items():
                    sums[name][key] = sums[name].get(key, 0) + value.numpy()
        return {task.name: task.summarize(sums[task.name]) for task in self._tasks}

    def _batch_statistics(self, batch):
        predictions = self._predictor(network_images(batch["image"]))
        return {
            task.name: task.statistics(
                predictions[task.name], *task.decode(batch[task.name])
            )
            for task in self._tasks
        }


def score(metrics: Metrics, baseline: Metrics, tasks: tuple[Task, ...]) -> float:
    """How far the headline metrics are on the way from `baseline` to perfection.

    The mean over tasks: 0 is the constant predictor, 1 a perfect one. A task with
    nothing to gain, because the split has no label of it or the constant is perfect, is
    left out; nan without any other. Reading: the paper does not state its rule of model
    selection.
    """
    gains = []
    for task in tasks:
        base = baseline[task.name][task.headline]
        perfect = float(task.higher_is_better)
        if not np.isnan(base) and base != perfect:
            gains.append((metrics[task.name][task.headline] - base) / (perfect - base))
    return float(np.mean(gains)) if gains else float("nan")


def table(metrics: Metrics, baseline: Metrics, tasks: tuple[Task, ...]) -> str:
    """Metrics beside the constant predictor's; a star marks a task's headline."""
    rows = [f"{'task':<14}{'metric':<18}{'model':>10}{'constant':>10}"]
    for task in tasks:
        for name, value in metrics[task.name].items():
            star = " *" if name == task.headline else ""
            base = baseline[task.name][name]
            numbers = f"{_number(value):>10}{_number(base):>10}"
            rows.append(f"{task.name:<14}{name + star:<18}{numbers}")
    return "\n".join(rows)


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}"


def flat(metrics: Metrics) -> dict[str, float]:
    """`task/metric` -> value."""
    return {
        f"{task}/{name}": value
        for task, values in metrics.items()
        for name, value in values.items()
    }
