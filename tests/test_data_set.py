"""Which examples a run has: fractions, weak sets, splits, scene labels."""

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data_set import SCENE_LABELS, DataSet
from tests import fake_dataset

PERCENTS = (25, 50, 75, 100)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    with fake_dataset.installed(tmp_path_factory.mktemp("data")) as folder:
        yield folder


def data_set(data_dir, **changes):
    changes = {"tasks": ("depth",)} | changes
    return DataSet(fake_dataset.settings(data_dir, **changes).data)


def names(split):
    return set(split.names(np.arange(len(split))))


def test_fractions_are_nested_and_leak_nothing(data_dir):
    fractions = [names(data_set(data_dir, labelled_percent=p).train) for p in PERCENTS]
    assert [len(fraction) for fraction in fractions] == [3, 6, 9, 12]
    for smaller, larger in zip(fractions, fractions[1:], strict=False):
        assert smaller < larger
    for percent in PERCENTS[:-1]:
        data = data_set(data_dir, labelled_percent=percent, weak_percent=25)
        used = [names(s) for s in (data.train, data.weak, data.validation, data.test)]
        assert len(set.union(*used)) == sum(map(len, used))
        assert names(data.weak) < names(data_set(data_dir).train)


def test_the_weak_set_is_as_large_as_the_labelled_one(data_dir):
    data = data_set(data_dir, labelled_percent=25)
    assert len(data.weak) == len(data.train) == 3
    assert data.weak.tasks == ()
    half = data_set(data_dir, labelled_percent=25, weak_percent=50)
    assert len(half.weak) == 6


def test_another_split_seed_is_another_fraction(data_dir):
    chosen = {
        frozenset(names(data_set(data_dir, labelled_percent=50, split_seed=s).train))
        for s in range(4)
    }
    assert len(chosen) > 1
    # The seed of the training does not matter.
    again = data_set(data_dir, labelled_percent=50, seed=5)
    assert frozenset(names(again.train)) in chosen


def test_nothing_is_left_for_a_weak_set(data_dir):
    with pytest.raises(ValueError, match="0 of 12 training examples are left"):
        data_set(data_dir).weak  # noqa: B018
    with pytest.raises(ValueError, match="3 of 12 training examples are left"):
        data_set(data_dir, labelled_percent=75, weak_percent=50).weak  # noqa: B018


def test_too_few_for_every_scene_are_refused(data_dir):
    with pytest.raises(ValueError, match="10 % of 12 training examples are 1, too few"):
        data_set(data_dir, labelled_percent=10).train  # noqa: B018


def test_a_weak_split_is_taken_whole(data_dir):
    fake_dataset.build(data_dir, "weak_64")
    data = data_set(data_dir, protocol="weak")
    assert names(data.weak) == {f"weak_{i}" for i in range(6)}
    assert len(data.train) == 12
    # A percentage is one of the training examples.
    some = data_set(data_dir, protocol="weak", labelled_percent=50, weak_percent=25)
    assert names(some.weak) < names(data.train) - names(some.train)


def test_splits_have_names(data_dir):
    data = data_set(data_dir)
    sizes = {name: len(data.split(name)) for name in ("train", "validation", "test")}
    assert sizes == fake_dataset.COUNTS
    with pytest.raises(
        ValueError, match="train, validation, test, weak; received 'dev'"
    ):
        data.split("dev")


def test_all_tasks_are_those_of_the_data(data_dir):
    data = data_set(data_dir, tasks=("all",))
    assert data.task_names == tuple(fake_dataset.INFO.tasks)
    assert data.train.tasks == data.task_names


def test_frequencies_are_those_of_the_labelled_examples(data_dir):
    # Scenes take turns; the first of twelve is not known.
    np.testing.assert_allclose(
        data_set(data_dir).frequencies, [3 / 11, 4 / 11, 4 / 11], rtol=1e-6
    )


def test_there_are_no_frequencies_without_labels(data_dir):
    fake_dataset.build(data_dir, "nameless_64")
    with pytest.raises(ValueError, match="not one of 12 labelled training examples"):
        data_set(data_dir, protocol="nameless").frequencies  # noqa: B018


def test_clusters_are_labels_by_another_name(data_dir):
    data = data_set(data_dir, scene_labels="cluster", scene_clusters=4)
    assert data.labels.names == tuple(f"cluster {i}" for i in range(4))
    assert "k = 4" in data.info.scene_source
    assert SCENE_LABELS["cluster"].learned and not SCENE_LABELS["given"].learned


def test_data_without_scenes_have_no_labels(data_dir):
    fake_dataset.build(data_dir, "nameless_64")
    data = data_set(data_dir, protocol="nameless")
    assert data.labels.size == 0
    assert data.train.batch(tf.range(2))["scene"].numpy().tolist() == [-1, -1]
    # A fraction needs none.
    assert len(data_set(data_dir, protocol="nameless", labelled_percent=25).train) == 3
