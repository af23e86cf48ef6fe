"""Which examples a run has: fractions, weak sets, splits, scene labels."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mgm_tf.data import pseudo_labels
from mgm_tf.data.dataset import SCENE_LABEL_SOURCES, DataSet, object_record
from tests import fake_dataset

PERCENTS = (25, 50, 75, 100)


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
    assert data.scene_classes.names == tuple(f"cluster {i}" for i in range(4))
    assert "k = 4" in data.info.scene_source
    assert (
        SCENE_LABEL_SOURCES["cluster"].learned
        and not SCENE_LABEL_SOURCES["given"].learned
    )


def test_data_without_scenes_have_no_labels(data_dir):
    fake_dataset.build(data_dir, "nameless_64")
    data = data_set(data_dir, protocol="nameless")
    assert data.scene_classes.size == 0
    assert data.train.batch(tf.range(2))["scene"].numpy().tolist() == [-1, -1]
    # A fraction needs none.
    assert len(data_set(data_dir, protocol="nameless", labelled_percent=25).train) == 3


# --- Policies -----------------------------------------------------------------------


@pytest.mark.parametrize("percent", [75, 100])
def test_policies_and_weights_learn_from_labelled_examples_of_their_own(
    data_dir, percent
):
    data = data_set(data_dir, labelled_percent=percent)
    weights, held_out = names(data.policy_weights), names(data.held_out)
    # 20 % of 9 are 1.8, of 12 they are 2.4.
    assert len(held_out) == 2
    assert not weights & held_out and weights | held_out == names(data.train)
    assert data.held_out.tasks == data.policy_weights.tasks == ("depth",)
    again = data_set(data_dir, labelled_percent=percent)
    assert names(again.held_out) == held_out


def test_another_split_seed_holds_out_others(data_dir):
    chosen = {
        frozenset(names(data_set(data_dir, split_seed=seed).held_out))
        for seed in range(4)
    }
    assert len(chosen) > 1


def test_a_few_labelled_examples_cannot_be_parted(data_dir):
    with pytest.raises(ValueError, match="6 labelled examples are too few"):
        data_set(data_dir, labelled_percent=50).held_out  # noqa: B018


# --- The classes of the segmentation as image labels ---------------------------------


@pytest.mark.parametrize("tasks", [("depth",), ("depth", "segmentation")])
def test_objects_are_labels_whether_or_not_segmentation_is_learned(data_dir, tasks):
    data = data_set(data_dir, scene_labels="objects", tasks=tasks)
    assert data.scene_classes.kind == "multi_hot"
    assert data.scene_classes.names == ("wall", "floor", "ball")
    assert data.info.scene_shape == (3,)
    relabel = SCENE_LABEL_SOURCES["objects"].relabel
    train, other = relabel([data.train, data.validation], None, None, None, data)
    # Each image has a wall and a floor, none a ball; also that of no known scene.
    np.testing.assert_array_equal(train.scenes(), [[1, 1, 0]] * 12)
    np.testing.assert_array_equal(other.scenes(), [[1, 1, 0]] * 5)
    assert train.tasks == tasks
    batch = train.batch(tf.constant([0, 5]))
    assert set(batch) == {"image", "scene", *tasks}
    np.testing.assert_array_equal(batch["scene"], [[1, 1, 0]] * 2)


def test_objects_of_weak_images_are_read_off_maps_that_are_not_learned(data_dir):
    data = data_set(data_dir, scene_labels="objects", labelled_percent=50)
    weak = data.with_objects(data.weak)
    assert weak.tasks == () and set(weak.batch(tf.constant([0]))) == {"image", "scene"}
    np.testing.assert_array_equal(weak.scenes(), [[1, 1, 0]] * 6)


def test_images_without_label_maps_have_no_objects(data_dir, monkeypatch):
    data = data_set(data_dir, scene_labels="objects", protocol="weak")
    nothing = np.zeros((6, 3), np.int32)
    monkeypatch.setattr(pseudo_labels, "class_presence", lambda split, task: nothing)
    with pytest.raises(ValueError, match="none of the 6 images of its split 'weak'"):
        data.with_objects(data.weak)


def test_frequencies_of_objects_are_those_of_images(data_dir):
    data = data_set(data_dir, scene_labels="objects")
    np.testing.assert_array_equal(data.frequencies, [1, 1, 0])


def test_fractions_are_the_same_whatever_the_labels(data_dir):
    # They are stratified by what is stored.
    chosen = [
        names(data_set(data_dir, labelled_percent=50, scene_labels=labels).train)
        for labels in SCENE_LABEL_SOURCES
    ]
    assert chosen[0] == chosen[1] == chosen[2]


def test_without_label_maps_of_classes_there_are_no_objects(data_dir):
    settings = data_set(data_dir).settings
    info = dataclasses.replace(
        fake_dataset.INFO, tasks={"depth": fake_dataset.INFO.tasks["depth"]}
    )
    with pytest.raises(ValueError, match="rooms has no labels of .it has depth.") as no:
        object_record(info, settings)
    assert "--scene_labels=objects" in str(no.value)


@pytest.mark.parametrize("name", SCENE_LABEL_SOURCES)
def test_every_way_to_have_scene_labels_has_a_record(data_dir, name):
    data = data_set(data_dir, scene_labels=name, scene_clusters=5)
    sizes = {"given": 3, "objects": 3, "cluster": 5}
    assert data.scene_classes.size == sizes[name]
    kinds = {"objects": "multi_hot"}
    assert data.info.label_kind == kinds.get(name, "categorical")
    # What is stored needs no other labels.
    assert (SCENE_LABEL_SOURCES[name].relabel is None) == (name == "given")
