"""The metrics of a whole split, and their comparison with the constant predictor's."""

from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from mgm_tf.data.batches import in_order
from mgm_tf.data.examples import network_images
from mgm_tf.data.splits import Split
from mgm_tf.plotting import terminal
from mgm_tf.tasks.dense import Task
from mgm_tf.tasks.scenes import SceneClasses

# images [N, H, W, 3] in [-1, 1] -> task -> predictions in the network's coding
Predictor = Callable[[tf.Tensor], Mapping[str, tf.Tensor]]
# (task -> predictions, training) -> scene logits [N, classes]
Refiner = Callable[..., tf.Tensor]
# task -> metric -> value
Metrics = dict[str, dict[str, float]]

# The name of the image label where tasks are named.
SCENE = "scene"


class Evaluator:
    """An evaluator of a predictor over whole splits, whatever the batch size.

    Args:
      predictor: the predictor of the tasks.
      tasks: the tasks that are evaluated.
      batch_size: the number of images that are predicted at a time.
      scene_classes: the scene classes, whose logits `scene` the predictor gives as
        well; None if they are not evaluated.
      eagerly: whether to do without a graph, quicker to begin and slower to run.
    """

    def __init__(
        self,
        predictor: Predictor,
        tasks: tuple[Task, ...],
        batch_size: int,
        scene_classes: SceneClasses | None = None,
        *,
        eagerly: bool = False,
    ) -> None:
        self._predictor = predictor
        self._tasks = tasks
        self._batch_size = batch_size
        self._scene_classes = scene_classes
        graph = tf.function(
            self._batch_statistics, autograph=False, reduce_retracing=True
        )
        self._statistics = self._batch_statistics if eagerly else graph

    def __call__(self, split: Split, *, progress: bool = False) -> Metrics:
        """Computes the metrics over all of a split; `progress` shows how far it is."""
        evaluated: dict[str, Task | SceneClasses] = {
            task.name: task for task in self._tasks
        }
        if self._scene_classes is not None:
            evaluated[SCENE] = self._scene_classes
        sums: dict[str, dict[str, np.ndarray]] = {name: {} for name in evaluated}
        number = -(-len(split) // self._batch_size)
        line = terminal.Progress(
            "evaluating", number, "batches", keep=False, shown=progress
        )
        with line:
            for batch in in_order(split, self._batch_size):
                for name, values in self._statistics(batch).items():
                    for key, value in values.items():
                        sums[name][key] = sums[name].get(key, 0) + value.numpy()
                line.update()
        return {name: each.summarize(sums[name]) for name, each in evaluated.items()}

    def _batch_statistics(
        self, batch: Mapping[str, tf.Tensor]
    ) -> dict[str, dict[str, tf.Tensor]]:
        predictions = self._predictor(network_images(batch["image"]))
        statistics = {
            task.name: task.statistics(
                predictions[task.name], *task.decode(batch[task.name])
            )
            for task in self._tasks
        }
        if self._scene_classes is not None:
            condition = self._scene_classes.condition(batch[SCENE])
            statistics[SCENE] = self._scene_classes.statistics(
                condition, predictions[SCENE]
            )
        return statistics


def with_scenes(predictor: Predictor, refiner: Refiner) -> Predictor:
    """Returns a predictor of the tasks and of the scene logits of R on top of them."""

    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        predictions = predictor(images)
        return {**predictions, SCENE: refiner(predictions, training=False)}

    return predict


def constant_scene_metrics(
    split: Split, scene_classes: SceneClasses, frequencies: np.ndarray
) -> dict[str, float]:
    """Computes the metrics of the guess by the frequencies [classes] in training."""
    condition = scene_classes.condition(tf.constant(split.scenes()))
    logits = np.broadcast_to(scene_classes.constant(frequencies), condition.shape)
    statistics = scene_classes.statistics(condition, tf.constant(logits, tf.float32))
    return scene_classes.summarize(
        {name: sums.numpy() for name, sums in statistics.items()}
    )


def score(metrics: Metrics, baseline: Metrics, tasks: tuple[Task, ...]) -> float:
    """Scores the headline metrics on the way from `baseline` to perfection.

    The score is the mean over tasks of (metric - baseline) / (perfect - baseline): 0 is
    the constant predictor, 1 a perfect one. A task with nothing to gain, because the
    split has no label of it or the constant is perfect, is left out; nan without any
    other. Interpretation: the paper does not state its rule of model selection.
    """
    gains = []
    for task in tasks:
        base = baseline[task.name][task.headline]
        # Errors are perfect at 0, shares (mIoU) at 1.
        perfect = float(task.higher_is_better)
        if not np.isnan(base) and base != perfect:
            gains.append((metrics[task.name][task.headline] - base) / (perfect - base))
    return float(np.mean(gains)) if gains else float("nan")


def table(metrics: Metrics, baseline: Metrics, headlines: Mapping[str, str]) -> str:
    """Returns a table of the metrics and the constant predictor's.

    Args:
      metrics: the metrics of the model.
      baseline: the metrics of the constant predictor.
      headlines: task -> its most important metric, marked by a star.
    """
    columns = (
        terminal.Column("task", 14),
        terminal.Column("metric", 18),
        terminal.Column("model", 10, right=True),
        terminal.Column("constant", 10, right=True),
    )
    rows = [
        (
            task,
            name + " *" * (name == headlines[task]),
            _number(value),
            _number(baseline[task][name]),
        )
        for task, values in metrics.items()
        for name, value in values.items()
    ]
    return terminal.table(columns, rows)


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.4f}"


def flat(metrics: Metrics) -> dict[str, float]:
    """Returns the metrics as one mapping, `task/metric` -> value."""
    return {
        f"{task}/{name}": value
        for task, values in metrics.items()
        for name, value in values.items()
    }
