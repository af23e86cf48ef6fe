"""Made-up sets: small ones build, and the full ones have what experiments need.

Their full numbers are checked by the rules of splits and fractions, without drawing.
"""

import numpy as np
import pytest

import datasets
from datasets import generated
from datasets.nyuv2 import splits as nyuv2_splits
from datasets.rooms import rooms, rooms_dataset_builder
from datasets.tiny_taskonomy import splits as taskonomy_splits
from mgm_tf.data import subsets
from tests.datasets import taskonomy_files

TYPES = len(rooms.TYPE_NAMES)
# Beginnings of the full sets, of smaller pictures.
SMALL = {
    "NYUV2_FRAMES": 6,
    "CITYSCAPES_FRAMES": 3,
    "TASKONOMY_FRAMES": 4,
    "TASKONOMY_SIZE": 32,
    "FOLDER_IMAGES": 12,
    "FOLDER_SIZE": 32,
}


@pytest.fixture
def small(monkeypatch):
    for name, value in SMALL.items():
        monkeypatch.setattr(generated, name, value)


def files_of(folder):
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_all_data_sets_that_need_files_have_a_generator():
    assert set(generated.GENERATORS) == set(datasets.BUILDERS) - {"rooms"}


@pytest.mark.parametrize("dataset", sorted(generated.GENERATORS))
def test_sets_are_a_function_of_the_seed(small, tmp_path, dataset):
    for name, seed in {"first": 1, "again": 1, "other": 2}.items():
        generated.write(dataset, tmp_path / name, seed)
    first, again, other = (files_of(tmp_path / k) for k in ("first", "again", "other"))
    assert first and set(first) == set(again) == set(other)
    # HDF5 and PNG hold no time of writing.
    assert first == again
    # The images of `folder` are numbered, there are no others.
    assert (first == other) == (dataset == "folder")


def test_taskonomy_builds_by_all_protocols(small, tmp_path):
    generated.write("tiny_taskonomy", tmp_path / "manual")
    # Five buildings of four frames, or three; 80/10/10, or 3, 1 and 1 buildings.
    expected = {
        "random": {"train": 16, "validation": 2, "test": 2},
        "three_buildings": {"train": 9, "validation": 1, "test": 2},
        "official": {"train": 12, "validation": 4, "test": 4},
    }
    for protocol, sizes in expected.items():
        builder = taskonomy_files.build(
            tmp_path / "manual", tmp_path / "data", f"{protocol}_64"
        )
        splits = builder.info.splits.items()
        assert {name: split.num_examples for name, split in splits} == sizes


def test_unknown_names_and_filled_folders(small, tmp_path):
    with pytest.raises(ValueError, match="nyuv2, .*received 'rooms'.*needs none"):
        generated.write("rooms", tmp_path)
    (tmp_path / "notes.txt").touch()
    with pytest.raises(FileExistsError, match="holds something already"):
        generated.write("nyuv2", tmp_path)


def test_the_command(small, tmp_path, capsys):
    where = tmp_path / "folder"
    generated.main([f"--output={where}", "--dataset=folder"])
    assert (where / "classes.txt").exists()
    with pytest.raises(SystemExit):
        generated.main([f"--output={where}", "--dataset=folder"])
    assert "holds something already" in capsys.readouterr().err


def check_training(types):
    """A hundred images at least; a tenth, a quarter and a half show every type."""
    assert len(types) >= 100
    presence = np.eye(TYPES, dtype=bool)[types]
    order = subsets.nested_order(presence, seed=0)
    for percent in (10, 25, 50):
        selection = subsets.labelled(order, presence, percent)
        assert presence[selection].any(0).all()
        assert len(subsets.weak(order, percent, percent)) >= 10


def test_a_tenth_of_nyuv2_has_every_scene():
    parts = nyuv2_splits.paper_splits(generated.NYUV2_FRAMES)
    # 160 * 1049 / 1449 = 115.8 and 160 * 200 / 1449 = 22.1.
    assert [len(part) for part in parts.values()] == [116, 22, 22]
    check_training(parts["train"] % TYPES)  # types take turns


@pytest.mark.parametrize("protocol", ["random", "three_buildings"])
def test_a_tenth_of_taskonomy_has_every_scene(protocol):
    names = [
        f"{building}_point_{number}_view_0"
        for building in generated.TASKONOMY_BUILDINGS
        for number in range(generated.TASKONOMY_FRAMES)
    ]
    types = np.arange(len(names)) % TYPES
    selection = taskonomy_splits.choose_buildings(
        protocol, generated.TASKONOMY_BUILDINGS
    )
    used = [k for k, name in enumerate(names) if name.split("_")[0] in selection]
    split = taskonomy_splits.SPLIT_BY[protocol]([names[k] for k in used], selection)
    check_training(types[used][split == taskonomy_splits.SPLITS.index("train")])


@pytest.mark.parametrize("size", [64, 128, 256])
def test_rooms_has_a_beginning_of_that_size(size):
    configs = rooms_dataset_builder.Builder.builder_configs
    smoke, full = configs[f"smoke_{size}"], configs[str(size)]
    assert smoke.sizes == {"train": 120, "validation": 12, "test": 12}
    assert (smoke.seed, smoke.image_size) == (full.seed, full.image_size)
    assert all(smoke.sizes[name] < full.sizes[name] for name in rooms.SPLITS)
    check_training(np.arange(120) % TYPES)
