"""Scene classification from an encoder's features: linear probe, nearest neighbours.

Labels are as they are stored: class numbers [n], -1 where unknown, or vectors of 0 and
1 [n, classes], all zeros where unknown. Unknown examples are left out. Class numbers
are evaluated by the accuracy; several labels of an image by the mean average precision,
for which no threshold has to be chosen.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import tensorflow as tf
from scipy import special

from mgm_tf.data import pseudo_labels
from mgm_tf.data.splits import Split
from mgm_tf.tasks import metrics

# scikit-learn takes seconds to import: only what needs it does.
if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# Of the votes; Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance
# Discrimination" (2018).
TEMPERATURE = 0.07
ITERATIONS = 5000  # of logistic regression, at most

# features [n, channels], presence [n, classes], other features [m, channels] -> scores
# [m, classes] of the others
Classifier = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class Examples(NamedTuple):
    """Features [n, channels] and labels of a set, every one known."""

    features: np.ndarray
    labels: np.ndarray

    @property
    def has_one_label(self) -> bool:
        """Whether labels are class numbers, not vectors of 0 and 1."""
        return self.labels.ndim == 1


def probe_encoder(
    train: Split, test: Split, encode: Callable[[tf.Tensor], tf.Tensor]
) -> dict[str, float]:
    """Evaluates an encoder by both, by name; see `linear_probe` for the numbers.

    Args:
      train: the examples that are learned from.
      test: the examples that are evaluated.
      encode: images [N, H, W, 3] in [-1, 1] -> features [N, h, w, channels]; their mean
        over the image, as a unit vector, is what is probed.

    Raises:
      ValueError: as `linear_probe` and `nearest_neighbours`.
    """
    train_set, test_set = [
        (pseudo_labels.mean_features(split, encode), split.scenes())
        for split in (train, test)
    ]
    return {
        "linear_probe": linear_probe(*train_set, *test_set),
        "nearest_neighbours": nearest_neighbours(*train_set, *test_set),
    }


def linear_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """Evaluates logistic regression on standardised features.

    It is multinomial for class numbers, and one regression a class for several labels
    of an image; both with scikit-learn's default L2 penalty. There is one optimum, so
    nothing is random.

    Args:
      train_features: features [n, channels].
      train_labels: class numbers [n], or vectors [n, classes].
      test_features: features [m, channels].
      test_labels: labels of the same kind, [m] or [m, classes].

    Returns:
      The accuracy; a class that is not met in training is wrong. Or the mean average
      precision over the classes that some training images have and others have not,
      and some test image has. nan if no test example can be evaluated.

    Raises:
      ValueError: there are fewer than two classes in training, or arrays do not go
        together.
    """
    train = _labelled(train_features, train_labels)
    test = _labelled(test_features, test_labels)
    return _evaluate(train, test, _multinomial if train.has_one_label else _one_vs_rest)


def nearest_neighbours(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    k: int = 5,
) -> float:
    """Evaluates a vote of the k training images with the most similar features.

    Each votes for its classes with the weight exp(cosine similarity / `TEMPERATURE`),
    over the sum of the weights. Of equal votes those for the first class count.

    Args, Returns: as `linear_probe`.

    Raises:
      ValueError: as `linear_probe`, or fewer than k training labels are known.
    """
    train = _labelled(train_features, train_labels)
    test = _labelled(test_features, test_labels)
    if not 1 <= k <= len(train.labels):
        raise ValueError(
            f"Expected k from 1 to {len(train.labels)}, the number of training "
            f"examples with a known label; received {k}."
        )

    def classify(
        features: np.ndarray, presence: np.ndarray, others: np.ndarray
    ) -> np.ndarray:
        return _votes(features, presence, others, k)

    return _evaluate(train, test, classify)


def _labelled(features: np.ndarray, labels: np.ndarray) -> Examples:
    """Returns the examples whose label is known."""
    features, labels = np.asarray(features, np.float64), np.asarray(labels)
    if labels.ndim not in (1, 2) or len(labels) != len(features):
        raise ValueError(
            "Expected labels [n] or [n, classes] of features [n, channels]; received "
            f"{labels.shape} of {features.shape}."
        )
    is_known = (labels >= 0) if labels.ndim == 1 else (labels > 0).any(axis=1)
    return Examples(features[is_known], labels[is_known])


def _evaluate(train: Examples, test: Examples, classify: Classifier) -> float:
    """Evaluates a classifier that learns from one set on the other."""
    shapes = [array.shape[1:] for array in (*train, *test)]
    if shapes[:2] != shapes[2:]:
        raise ValueError(
            "Expected features and labels of the same form in training and test; "
            f"received {shapes[:2]} and {shapes[2:]} an example."
        )
    evaluate = _accuracy if train.has_one_label else _mean_average_precision
    return evaluate(train, test, classify)


def _accuracy(train: Examples, test: Examples, classify: Classifier) -> float:
    classes = np.unique(train.labels)
    presence = train.labels[:, None] == classes
    _learnable(presence)
    if not len(test.labels):
        return float("nan")
    best = classify(train.features, presence, test.features).argmax(axis=1)
    return metrics.ratio(np.sum(classes[best] == test.labels), len(test.labels))


def _mean_average_precision(
    train: Examples, test: Examples, classify: Classifier
) -> float:
    from sklearn.metrics import average_precision_score

    presence, truth = train.labels > 0, test.labels > 0
    is_evaluated = _learnable(presence) & truth.any(axis=0)
    if not is_evaluated.any():
        return float("nan")
    scores = classify(train.features, presence[:, is_evaluated], test.features)
    pairs = zip(truth[:, is_evaluated].T, scores.T, strict=True)
    return float(np.mean([average_precision_score(*pair) for pair in pairs]))


def _learnable(presence: np.ndarray) -> np.ndarray:
    """Returns which classes some examples [n, classes] have and others have not."""
    is_learnable = np.logical_and(presence.any(axis=0), ~presence.all(axis=0))
    if not is_learnable.any():
        raise ValueError(
            "Expected training examples of two classes at least; received "
            f"{len(presence)} examples with a known label, of "
            f"{int(presence.any(axis=0).sum())} classes that none of them lacks."
        )
    return is_learnable


def _multinomial(
    features: np.ndarray, presence: np.ndarray, others: np.ndarray
) -> np.ndarray:
    return _regression().fit(features, presence.argmax(axis=1)).predict_proba(others)


def _one_vs_rest(
    features: np.ndarray, presence: np.ndarray, others: np.ndarray
) -> np.ndarray:
    regressions = [_regression().fit(features, column) for column in presence.T]
    return np.stack([each.decision_function(others) for each in regressions], axis=1)


def _regression() -> "Pipeline":
    """Returns a logistic regression on features of mean 0 and variance 1."""
    from sklearn import linear_model, pipeline, preprocessing

    return pipeline.make_pipeline(
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(max_iter=ITERATIONS),
    )


def _votes(
    features: np.ndarray, presence: np.ndarray, others: np.ndarray, k: int
) -> np.ndarray:
    """Returns the share of the votes of the k nearest that each class has."""
    from sklearn import neighbors

    index = neighbors.NearestNeighbors(n_neighbors=k, metric="cosine").fit(features)
    distances, rows = index.kneighbors(others)
    # The distance is 1 - similarity; softmax does not see the 1.
    weights = special.softmax(-distances / TEMPERATURE, axis=1)
    return np.einsum("mk,mkc->mc", weights, presence[rows])
