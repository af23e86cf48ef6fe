"""Opening and building data sets: whole or not at all, and refused before hours."""

import errno
import os
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core import shuffle

import datasets
from datasets import builder as base
from datasets import metadata, quarantine
from mgm_tf.data import builders
from tests import fake_dataset

SIZE = 64
INFO = metadata.DataInfo(
    image_size=SIZE,
    tasks={"depth": metadata.depth_info(source="unknown")},
    scene_names=("here", "there"),
)


class Trial(base.RandomAccessBuilder, skip_registration=True):
    """Two splits of random noise, read from a folder; `before` runs in between."""

    name = "trial"
    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    MANUAL_DOWNLOAD_INSTRUCTIONS = "Put a file named `seed` into it."
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(name="half_64"),
        tfds.core.BuilderConfig(name="third_64"),
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "third_64"
    before = staticmethod(lambda index: None)

    def _info(self):
        return self.dataset_info_from_configs(
            features=INFO.features(), metadata=INFO.metadata(), disable_shuffling=True
        )

    def _split_generators(self, dl_manager):
        self.expect({"train": 4, "test": 2})
        self.info.metadata["notes"] = (dl_manager.manual_dir / "seed").read_text()
        return {"train": self._generate_examples(4), "test": self._generate_examples(2)}

    def _generate_examples(self, count):
        random = np.random.default_rng(0)
        for index in range(count):
            self.before(index)
            yield (
                index,
                {
                    "image": random.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8),
                    "name": str(index),
                    "scene": 0,
                    "depth": np.ones((SIZE, SIZE, 1), np.uint16),
                },
            )


@pytest.fixture
def trial(monkeypatch):
    monkeypatch.setitem(datasets.BUILDERS, "rooms", __name__)
    monkeypatch.setattr(sys.modules[__name__], "Builder", Trial, raising=False)
    return Trial


@pytest.fixture
def manual_dir(tmp_path):
    folder = tmp_path / "manual"
    folder.mkdir()
    (folder / "seed").write_text("12 apples")
    return folder


def opened(tmp_path, protocol=""):
    return builders.open_builder("rooms", protocol, SIZE, str(tmp_path / "data"))


def numbers(builder, split="train"):
    skip = {key: tfds.decode.SkipDecoding() for key in ("image", "depth")}
    read = builder.as_data_source(split, decoders=skip)
    return [int(example["name"]) for example in read]


def rest(tmp_path) -> set[str]:
    """Names of all files and folders of the data set's config."""
    folder = tmp_path / "data" / "trial" / "third_64"
    return {path.name for path in folder.iterdir()}


# --- Opening ------------------------------------------------------------------------


@pytest.mark.parametrize("name", datasets.BUILDERS)
def test_every_data_set_has_a_builder_of_that_name(name):
    make = datasets.builder_class(name)
    assert issubclass(make, base.RandomAccessBuilder)
    assert make.name == name


@pytest.mark.parametrize(
    ("protocol", "size", "config"),
    [("", 64, "third_64"), ("half", 64, "half_64"), ("third", 64, "third_64")],
)
def test_without_a_protocol_it_is_that_of_the_default(
    trial, tmp_path, protocol, size, config
):
    opened = builders.open_builder("rooms", protocol, size, str(tmp_path))
    assert opened.builder_config.name == config


@pytest.mark.parametrize(
    ("name", "protocol"), [("nyuv2", "paper"), ("rooms", ""), ("fake", "")]
)
def test_default_protocols(name, protocol, monkeypatch):
    monkeypatch.setitem(datasets.BUILDERS, "fake", fake_dataset.__name__)
    assert datasets.default_protocol(name) == protocol


@pytest.mark.parametrize(("protocol", "size"), [("half", 64), ("", 128)])
def test_an_unknown_protocol_or_size_is_refused(tmp_path, monkeypatch, protocol, size):
    fake_dataset.install(monkeypatch)
    with pytest.raises(ValueError) as refusal:
        builders.open_builder("rooms", protocol, size, str(tmp_path))
    words = ("--dataset=rooms", f"{protocol!r}", f"--image_size={size}", "few_64")
    assert all(word in str(refusal.value) for word in words)


def test_files_of_another_format_are_refused(trial, tmp_path, manual_dir):
    builder = trial(data_dir=tmp_path / "data", file_format="tfrecord")
    builders.prepare(builder, str(manual_dir))
    with pytest.raises(ValueError, match="third_64/1.0.0 holds tfrecord files; expec"):
        opened(tmp_path)


# --- Building -----------------------------------------------------------------------


def test_a_data_set_is_built_once(trial, tmp_path, manual_dir, capsys):
    builder = opened(tmp_path)
    builders.prepare(builder, str(manual_dir))
    told = capsys.readouterr().out
    assert f"Building trial/third_64/1.0.0 in {builder.data_dir} from {manual_dir}" in (
        told
    )
    assert numbers(builder) == [0, 1, 2, 3] and numbers(builder, "test") == [0, 1]
    assert rest(tmp_path) == {"1.0.0"}
    # Again it needs no source, in this process or another.
    again = opened(tmp_path)
    builders.prepare(again)
    builders.prepare(builder)
    assert capsys.readouterr().out == ""
    assert again.info.splits["train"].num_examples == 4


def test_what_is_learned_while_building_is_in_the_builder_afterwards(
    trial, tmp_path, manual_dir
):
    early, late = opened(tmp_path), opened(tmp_path)
    assert early.info.metadata["notes"] == ""
    builders.prepare(early, str(manual_dir))
    # Opened before it was built, by another process for instance.
    builders.prepare(late)
    for builder in (early, late, opened(tmp_path)):
        assert builder.info.metadata["notes"] == "12 apples"
        assert builder.info.splits["test"].num_examples == 2


def test_the_progress_bar_knows_the_end(trial, tmp_path, manual_dir, monkeypatch):
    totals = {}
    bar = tfds.core.utils.tqdm

    def watched(iterable=None, **settings):
        totals[settings["desc"]] = settings.get("total")
        return bar(iterable, **settings)

    monkeypatch.setattr(tfds.core.utils, "tqdm", watched)
    builders.prepare(opened(tmp_path), str(manual_dir))
    assert totals["Generating train examples..."] == 4
    assert totals["Generating test examples..."] == 2


def test_the_allowed_damage_reaches_the_builder(trial, tmp_path, manual_dir):
    builder = opened(tmp_path)
    assert builder.max_damaged == 0.001
    builders.prepare(builder, str(manual_dir), max_damaged=0.25)
    assert builder.max_damaged == 0.25


def test_more_than_fits_the_memory_is_sorted_in_files(
    trial, tmp_path, manual_dir, monkeypatch
):
    monkeypatch.setattr(base, "_SORTED_IN_MEMORY", 20_000)  # an example has 12 kB
    filled = []
    add = shuffle.Shuffler._add_to_bucket
    monkeypatch.setattr(
        shuffle.Shuffler,
        "_add_to_bucket",
        lambda self, key, data: (filled.append(len(data)), add(self, key, data)),
    )
    usual = shuffle.MAX_MEM_BUFFER_SIZE
    builders.prepare(opened(tmp_path), str(manual_dir))
    assert usual == shuffle.MAX_MEM_BUFFER_SIZE
    # All examples, as soon as two of them are more than the limit.
    assert len(filled) == 6 and min(filled) > 10_000
    assert numbers(opened(tmp_path)) == [0, 1, 2, 3]


def test_what_was_left_out_can_be_asked(trial, tmp_path, manual_dir):
    builder = opened(tmp_path)
    builders.prepare(builder, str(manual_dir))
    assert builders.quarantined(builder) == []
    damaged = quarantine.Quarantine(builder.data_path / quarantine.FILE_NAME, 1)
    damaged.add("a", "a.png", "torn")
    damaged.write()
    assert builders.quarantined(builder) == [
        {"name": "a", "file": "a.png", "reason": "torn", "path": "a.png"}
    ]


def test_bytes_on_disk(trial, tmp_path, manual_dir):
    builder = opened(tmp_path)
    builders.prepare(builder, str(manual_dir))
    files = [path for path in builder.data_path.glob("*") if path.is_file()]
    assert builders.bytes_on_disk(builder) == sum(len(f.read_bytes()) for f in files)
    # Six images of noise of 64 x 64 pixels cannot be smaller.
    assert builders.bytes_on_disk(builder) > 6 * 3 * 64 * 64


# --- What is refused before anything is built ----------------------------------------


@pytest.mark.parametrize(
    ("given", "problem"),
    [("", "downloads/manual is no folder"), ("none", "none is no folder")],
)
def test_files_to_fetch_by_hand_are_asked_for(trial, tmp_path, given, problem):
    folder = str(tmp_path / given) if given else ""
    with pytest.raises(FileNotFoundError) as refusal:
        builders.prepare(opened(tmp_path), folder)
    told = str(refusal.value)
    assert told.startswith(f"--manual_dir={folder}: ") and f"{problem}. " in told
    assert told.endswith(trial.MANUAL_DOWNLOAD_INSTRUCTIONS)
    assert not (tmp_path / "data").exists()


def test_a_manual_folder_that_is_empty_or_a_file_is_refused(trial, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name, problem in (("empty", "is empty"), ("file", "is no folder")):
        with pytest.raises(FileNotFoundError, match=f"{name} {problem}. Put a file"):
            builders.prepare(opened(tmp_path), str(tmp_path / name))


def test_a_wrong_manual_folder_is_told_where_none_is_needed(tmp_path, monkeypatch):
    fake_dataset.install(monkeypatch)
    builder = builders.open_builder("rooms", "few", SIZE, str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError, match="none is no folder.$"):
        builders.prepare(builder, str(tmp_path / "none"))
    builders.prepare(builder)
    assert builder.info.splits["train"].num_examples == 3


def test_a_data_dir_that_is_a_file_is_refused(trial, tmp_path, manual_dir):
    (tmp_path / "data").touch()
    with pytest.raises(OSError, match="--data_dir=.*/data: nothing can be built there"):
        builders.prepare(opened(tmp_path), str(manual_dir))


def test_a_read_only_data_dir_is_refused(trial, manual_dir):
    # Not even root can write there.
    builder = builders.open_builder("rooms", "", SIZE, "/proc/data")
    with pytest.raises(OSError, match="--data_dir=/proc/data: nothing can be built"):
        builders.prepare(builder, str(manual_dir))


def test_a_file_system_that_is_read_only_is_refused(
    trial, tmp_path, manual_dir, monkeypatch
):
    builder = opened(tmp_path)

    def refuse(path, data):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(type(builder.data_path), "write_bytes", refuse)
    with pytest.raises(OSError, match="nothing can be built there: .*Read-only file"):
        builders.prepare(builder, str(manual_dir))
    monkeypatch.undo()


def test_half_a_data_set_is_refused(trial, tmp_path, manual_dir):
    builder = opened(tmp_path)
    builder.data_path.mkdir(parents=True)
    with pytest.raises(ValueError, match="has no dataset_info.json. Remove it"):
        builders.prepare(builder, str(manual_dir))


def test_a_data_set_that_lost_a_file_is_refused(trial, tmp_path, manual_dir):
    builders.prepare(opened(tmp_path), str(manual_dir))
    lost = next((tmp_path / "data").rglob("trial-test.array_record*"))
    lost.unlink()
    with pytest.raises(FileNotFoundError, match=f"{lost.name} is missing. Remove"):
        builders.prepare(opened(tmp_path))


def test_what_is_not_built_is_told(trial, tmp_path):
    with pytest.raises(FileNotFoundError, match="trial/third_64/1.0.0 is not built in"):
        builders.check_built(opened(tmp_path))


def test_another_source_than_that_of_the_built_data_is_refused(
    trial, tmp_path, manual_dir, monkeypatch
):
    builders.prepare(opened(tmp_path), str(manual_dir))
    asked = []
    monkeypatch.setattr(
        trial, "check_source", lambda self, folder: asked.append(folder), raising=False
    )
    builders.prepare(opened(tmp_path))
    assert asked == []
    builders.prepare(opened(tmp_path), "elsewhere")
    assert asked == ["elsewhere"]


# --- Builds that are cut short --------------------------------------------------------


def fails_once(trial, monkeypatch, error):
    """The third example of the first build raises `error`."""
    left = [error]

    def before(index):
        if index == 2 and left:
            raise left.pop()

    monkeypatch.setattr(trial, "before", staticmethod(before))


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        # As a worker of Beam passes it on.
        RuntimeError("OSError: [Errno 28] No space left on device [while running 'x']"),
    ],
)
def test_a_full_disk_leaves_nothing_and_the_next_start_builds(
    trial, tmp_path, manual_dir, monkeypatch, error
):
    fails_once(trial, monkeypatch, error)
    builder = opened(tmp_path)
    with pytest.raises(OSError, match="the disk is full.*1.0.0 was not built") as told:
        builders.prepare(builder, str(manual_dir))
    assert told.value.__cause__ is error and "--data_dir=" in str(told.value)
    assert rest(tmp_path) == set()
    # By the same builder, and by a new process's.
    builders.prepare(builder, str(manual_dir))
    assert numbers(builder) == numbers(opened(tmp_path)) == [0, 1, 2, 3]


def test_a_disk_that_takes_no_more_leaves_nothing(trial, tmp_path, manual_dir):
    # The system refuses to write beyond 20 kB in a file; an image has 12 kB.
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, usual[1]))
    try:
        with pytest.raises(OSError, match="the disk is full"):
            builders.prepare(opened(tmp_path), str(manual_dir))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert rest(tmp_path) == set()
    builders.prepare(opened(tmp_path), str(manual_dir))
    assert numbers(opened(tmp_path)) == [0, 1, 2, 3]


def test_a_folder_that_vanishes_is_named(trial, tmp_path, manual_dir, monkeypatch):
    folders = [tmp_path / "data"]

    def before(index):
        if index == 2 and folders:
            shutil.rmtree(folders.pop())

    monkeypatch.setattr(trial, "before", staticmethod(before))
    with pytest.raises(OSError, match="is gone, so trial.* was not built. Bring the"):
        builders.prepare(opened(tmp_path), str(manual_dir))
    builders.prepare(opened(tmp_path), str(manual_dir))
    assert numbers(opened(tmp_path)) == [0, 1, 2, 3]


def test_other_errors_stay_what_they_are(trial, tmp_path, manual_dir, monkeypatch):
    fails_once(trial, monkeypatch, KeyError("a mistake"))
    with pytest.raises(KeyError, match="a mistake"):
        builders.prepare(opened(tmp_path), str(manual_dir))


def test_an_interruption_leaves_nothing(trial, tmp_path, manual_dir, monkeypatch):
    fails_once(trial, monkeypatch, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        builders.prepare(opened(tmp_path), str(manual_dir))
    assert rest(tmp_path) == set()
    builders.prepare(opened(tmp_path), str(manual_dir))


def test_leftovers_of_a_killed_build_are_removed(trial, tmp_path, manual_dir, capsys):
    folder = tmp_path / "data" / "trial" / "third_64"
    left = folder / "incomplete.ABC123_1.0.0"
    left.mkdir(parents=True)
    (left / "trial-train.array_record-00000-of-00001").touch()
    other = folder.parent / "half_64" / "incomplete.ABC123_1.0.0"
    other.mkdir(parents=True)
    builders.prepare(opened(tmp_path), str(manual_dir))
    assert rest(tmp_path) == {"1.0.0"} and other.exists()
    assert f"Removing {left}" in capsys.readouterr().out


LOCKING = """
import sys
from datasets import builder
with builder.alone(sys.argv[1]):
    print("locked", flush=True)
    sys.stdin.read()
"""


def test_two_processes_do_not_build_the_same(trial, tmp_path, manual_dir):
    builder = opened(tmp_path)
    folder = builder.data_path.parent
    command = [sys.executable, "-c", LOCKING, str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == "locked\n"
        half = folder / "incomplete.ABC123_1.0.0"
        half.mkdir()
        with pytest.raises(base.BeingBuilt, match="another process builds this"):
            builders.prepare(builder, str(manual_dir))
        assert half.exists()
        # Another config of the same data set is none of its business.
        builders.prepare(opened(tmp_path, "half"), str(manual_dir))
        other.kill()
    builders.prepare(builder, str(manual_dir))
    assert rest(tmp_path) == {"1.0.0"}


def test_a_lock_that_was_taken_away_does_not_count(tmp_path, monkeypatch):
    # Between opening and locking, another process ended and removed its lock file.
    path = tmp_path / base.LOCK
    flock = base.fcntl.flock

    def late(descriptor, operation):
        path.unlink()
        path.touch()
        flock(descriptor, operation)

    monkeypatch.setattr(base.fcntl, "flock", late)
    with pytest.raises(base.BeingBuilt), base.alone(tmp_path):
        pass


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    def refuse(descriptor, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with base.alone(tmp_path) as is_alone:
        assert is_alone
    monkeypatch.setattr(base.fcntl, "flock", refuse)
    with base.alone(tmp_path) as is_alone:
        assert not is_alone


# --- Beam -----------------------------------------------------------------------------


def test_options_of_beam_are_refused_where_it_is_not_used(trial, tmp_path, manual_dir):
    with pytest.raises(
        ValueError, match="--beam_options=runner=X: trial is built with"
    ):
        builders.prepare(opened(tmp_path), str(manual_dir), beam_options=["runner=X"])


def test_options_of_beam_reach_the_pipeline(trial, tmp_path, manual_dir, monkeypatch):
    monkeypatch.setattr(trial, "beam_defaults", ("job_name=usual", "project=ours"))
    given = []

    def record(self, *, download_config):
        given.append(download_config.beam_options.get_all_options(drop_default=True))

    monkeypatch.setattr(trial, "download_and_prepare", record)
    builders.prepare(
        opened(tmp_path), str(manual_dir), beam_options=["project=mine", "runner=Prism"]
    )
    assert given == [{"job_name": "usual", "project": "mine", "runner": "Prism"}]
