"""What an encoder's features tell of the scene: a linear probe and nearest neighbours.

Labels are as they are stored: class numbers [n], -1 where unknown, or vectors of 0 and
1 [n, classes], all zeros where unknown. Unknown examples are left out. Class numbers
are judged by the accuracy; several labels an image by the mean average precision, for
which no threshold has to be chosen.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from scipy import special

from mgm_tf.data import pseudo_labels
from mgm_tf.data.inputs import Split
from mgm_tf.tasks import metrics

# scikit-learn takes seconds to import: only what needs it does.

# Of the votes; Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance
# Discrimination" (2018).
TEMPERATURE = 0.07
ITERATIONS = 5000  # of logistic regression, at most

# features [n, channels], present [n, classes], other features [m, channels] -> scores
# [m, classes] of the others
Scores = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


class Examples(NamedTuple):
    """Features [n, channels] and labels of a set, every one known."""

    features: np.ndarray
    labels: np.ndarray


def of_encoder(train: Split, test: Split, encode: Callable) -> dict[str, float]:
    """What both say of an encoder, by name; see `linear_probe` for the numbers.

    Args:
      train: what is learnt from.
      test: what is judged.
      encode: images [N, H, W, 3] in [-1, 1] -> features [N, h, w, channels]; what is
        probed is their mean over the image, as a unit vector.

    Raises:
      ValueError: as `linear_probe` and `nearest_neighbours`.
    """
    learnt, judged = [
        (pseudo_labels.mean_features(split, encode), split.scenes())
        for split in (train, test)
    ]
    return {
        "linear_probe": linear_probe(*learnt, *judged),
        "nearest_neighbours": nearest_neighbours(*learnt, *judged),
    }


def linear_probe(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
) -> float:
    """How well logistic regression on standardised features does on a test set.

    Multinomial for class numbers, one regression a class for several labels an image;
    both with the L2 penalty that scikit-learn takes. There is one optimum, so nothing
    is random.

    Args:
      train_features, test_features: [n, channels] and [m, channels].
      train_labels, test_labels: of one kind, see above.

    Returns:
      The accuracy; a class that is not met in training is wrong. Or the mean average
      precision over the classes that some training images have and others have not,
      and some test image has. nan if there is nothing to judge in the test set.

    Raises:
      ValueError: there are fewer than two classes in training, or arrays do not go
        together.
    """
    train = _known(train_features, train_labels)
    test = _known(test_features, test_labels)
    return _judged(train, test, {1: _multinomial, 2: _one_vs_rest})


def nearest_neighbours(
    train_features: np.ndarray,
    train_labels: np.ndarray,
    test_features: np.ndarray,
    test_labels: np.ndarray,
    k: int = 5,
) -> float:
    """How well the k training images of the most similar features tell the labels.

    Each votes for its classes with the weight exp(cosine similarity / `TEMPERATURE`),
    over the sum of the weights. Of equal votes those for the first class count.

    Args, Returns: as `linear_probe`.

    Raises:
      ValueError: as `linear_probe`, or fewer than k training labels are known.
    """
    train = _known(train_features, train_labels)
    test = _known(test_features, test_labels)
    if not 1 <= k <= len(train.labels):
        raise ValueError(
            f"Expected k from 1 to {len(train.labels)}, the number of training "
            f"examples with a known label; received {k}."
        )

    def votes(features, present, others):
        return _votes(features, present, others, k)

    return _judged(train, test, {1: votes, 2: votes})


def _known(features: np.ndarray, labels: np.ndarray) -> Examples:
    """The examples whose label is known."""
    features, labels = np.asarray(features, np.float64), np.asarray(labels)
    if labels.ndim not in JUDGES or len(labels) != len(features):
        raise ValueError(
            "Expected labels [n] or [n, classes] of features [n, channels]; received "
            f"{labels.shape} of {features.shape}."
        )
    known = (labels >= 0) if labels.ndim == 1 else (labels > 0).any(axis=1)
    return Examples(features[known], labels[known])


def _judged(train: Examples, test: Examples, scores: Mapping[int, Scores]) -> float:
    """What the scores that are learnt in training are worth in the test set.

    Args:
      scores: by the number of axes of the labels.
    """
    shapes = [array.shape[1:] for array in (*train, *test)]
    if shapes[:2] != shapes[2:]:
        raise ValueError(
            "Expected features and labels of the same form in training and test; "
            f"received {shapes[:2]} and {shapes[2:]} an example."
        )
    axes = train.labels.ndim
    return JUDGES[axes](train, test, scores[axes])


def _accuracy(train: Examples, test: Examples, scores: Scores) -> float:
    classes = np.unique(train.labels)
    present = train.labels[:, None] == classes
    _learnable(present)
    if not len(test.labels):
        return float("nan")
    best = scores(train.features, present, test.features).argmax(axis=1)
    return metrics.ratio(np.sum(classes[best] == test.labels), len(test.labels))


def _mean_average_precision(train: Examples, test: Examples, scores: Scores) -> float:
    from sklearn.metrics import average_precision_score

    present, truth = train.labels > 0, test.labels > 0
    judged = _learnable(present) & truth.any(axis=0)
    if not judged.any():
        return float("nan")
    found = scores(train.features, present[:, judged], test.features)
    pairs = zip(truth[:, judged].T, found.T, strict=True)
    return float(np.mean([average_precision_score(*pair) for pair in pairs]))


JUDGES = {1: _accuracy, 2: _mean_average_precision}


def _learnable(present: np.ndarray) -> np.ndarray:
    """Which classes [classes] some examples [n, classes] have and others have not."""
    found = np.logical_and(present.any(axis=0), ~present.all(axis=0))
    if not found.any():
        raise ValueError(
            "Expected training examples of two classes at least; received "
            f"{len(present)} examples with a known label, of "
            f"{int(present.any(axis=0).sum())} classes that none of them lacks."
        )
    return found


def _multinomial(features, present, others) -> np.ndarray:
    return _regression().fit(features, present.argmax(axis=1)).predict_proba(others)


def _one_vs_rest(features, present, others) -> np.ndarray:
    fitted = [_regression().fit(features, column) for column in present.T]
    return np.stack([one.decision_function(others) for one in fitted], axis=1)


def _regression():
    """Logistic regression on features of mean 0 and variance 1."""
    from sklearn import linear_model, pipeline, preprocessing

    return pipeline.make_pipeline(
        preprocessing.StandardScaler(),
        linear_model.LogisticRegression(max_iter=ITERATIONS),
    )


def _votes(features, present, others, k: int) -> np.ndarray:
    """The share of the votes of the k nearest that each class has."""
    from sklearn import neighbors

    index = neighbors.NearestNeighbors(n_neighbors=k, metric="cosine").fit(features)
    distances, places = index.kneighbors(others)
    # The distance is 1 - similarity: the 1 is no matter to a softmax.
    weights = special.softmax(-distances / TEMPERATURE, axis=1)
    return np.einsum("mk,mkc->mc", weights, present[places])
