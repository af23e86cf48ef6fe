"""Thousands of damaged inputs: no traceback, no hang, no gigabyte, no wrong success.

`make test` tries some hundred, the same each time; `make fuzz` tries 20,000, others
each time. MGM_FUZZ is the number of inputs that the shares of targets are of.
"""

import contextlib
import csv
import dataclasses
import io
import json
import os
import pathlib
import resource
import signal
import tempfile
import types
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasets.files import DamagedFile, arrays, read_image, records
from datasets.folder import contents, exr, headers, tables
from datasets.folder.plan import plan
from datasets.folder.settings import Settings, read_settings
from datasets.metadata import DataInfo
from mgm_tf.config import checks, flag_files, options, saved
from mgm_tf.config.settings import Config, define_flags
from mgm_tf.export.versions import LoadedModel
from mgm_tf.predict import image_files, predictions
from tests.datasets import folder_files
from tests.fuzz import inputs
from tests.predict.stand_in import INFO, serve

ASKED = int(os.environ.get("MGM_FUZZ", "0"))
LONGEST = 20  # seconds for one input, on a busy machine
MOST_MEMORY = 2**30

IMAGES = inputs.images()
with tempfile.TemporaryDirectory() as _folder:
    ARRAYS = inputs.arrays(_folder)
PIXELS = {}


def fuzzed(*strategies: st.SearchStrategy, share: float = 1) -> Callable:
    """Tries a test on inputs; a few in `make test`, and always the same."""
    many = settings(
        max_examples=max(1, round((ASKED or 30) * share)),
        derandomize=not ASKED,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    return lambda test: pytest.mark.slow(many(given(*strategies)(test)))


@pytest.fixture(scope="module", autouse=True)
def bounded_memory() -> Iterator[None]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert (after - before) * 1024 < MOST_MEMORY


@contextlib.contextmanager
def bounded() -> Iterator[pathlib.Path]:
    """A folder of its own; whoever takes too long in it is stopped."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"It takes longer than {LONGEST} seconds.")

    earlier = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST)
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield pathlib.Path(folder)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, earlier)


def pixels_of(name: str) -> np.ndarray:
    """The pixels of a sound image."""
    if name not in PIXELS:
        with bounded() as folder:
            (folder / name).write_bytes(IMAGES[name])
            PIXELS[name] = image_files.read(folder / name)
    return PIXELS[name]


@fuzzed(inputs.damaged(IMAGES), share=4)
def test_images(drawn):
    name, kind, data = drawn
    whole = pixels_of(name)
    with bounded() as folder:
        path = folder / name
        path.write_bytes(data)
        try:
            pixels = image_files.read(path)
        except ValueError as error:
            assert kind != "sound" and name in str(error), error
            return
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    is_same = np.array_equal(pixels, whole)
    # What is added behind an image is no damage of it; a PNG has checksums.
    if kind in {"sound", "more"}:
        assert is_same
    if name.endswith(".png") and kind in {"cut", "hole", "flipped", "head"}:
        assert is_same, f"{kind} of {name} is taken for another image"
    if kind == "cut":
        assert is_same, f"a cut {name} is taken for another image"


@fuzzed(st.data())
def test_holes_in_photographs(data):
    """Zeros in the place of coded pixels, as a broken copy has them."""
    name = data.draw(st.sampled_from(["a.jpg", "fine.jpg"]))
    whole = IMAGES[name]
    begin = whole.rindex(b"\xff\xda") + 14
    length = data.draw(st.integers(40, 120))
    place = data.draw(st.integers(begin, len(whole) - length - 2))
    with bounded() as folder:
        (folder / name).write_bytes(
            whole[:place] + bytes(length) + whole[place + length :]
        )
        with pytest.raises(DamagedFile, match="damaged JPEG"):
            read_image(folder / name)


@fuzzed(inputs.damaged(ARRAYS), share=2)
def test_arrays(drawn):
    name, kind, data = drawn
    with bounded() as folder:
        path = folder / name
        path.write_bytes(data)
        try:
            form = headers.form_of(path)
            read = exr.read_depth if path.suffix == ".exr" else arrays.read
            values = read(path)
        except DamagedFile as error:
            assert kind != "sound" and name in str(error)
            return
    assert values.size == form.height * form.width * form.channels
    if kind == "cut":
        np.testing.assert_array_equal(np.squeeze(values), values_of(name))


def values_of(name: str) -> np.ndarray:
    """The values of a sound array."""
    with bounded() as folder:
        (folder / name).write_bytes(ARRAYS[name])
        read = exr.read_depth if name.endswith(".exr") else arrays.read
        return np.squeeze(read(folder / name))


CONTENTS = contents.Contents(
    pathlib.Path("photos"),
    {n: pathlib.Path(n) for n in ("p00", "Küste", "a b")},
    {},
    {},
)
TABLES = {
    "scenes.csv": (
        lambda path: tables.read_scenes(path, CONTENTS),
        b'name,label\np00,a;b\nK\xc3\xbcste,"c"\n',
    ),
    "splits.csv": (
        lambda path: tables.read_splits(path, CONTENTS),
        b"name,split\np00,train\nK\xc3\xbcste,test\na b,weak\n",
    ),
    "classes.txt": (tables.read_classes, b"wall\nfloor, #0a141e\nball\n"),
}


@fuzzed(st.sampled_from(sorted(TABLES)), st.data(), share=2)
def test_tables(name, data):
    read, sound = TABLES[name]
    texts = st.one_of(
        inputs.TEXTS,
        inputs.damaged({name: sound}).map(lambda drawn: drawn[2]),
        st.lists(
            st.lists(st.sampled_from(["p00", "a b", "train", "x", ""]), max_size=3)
        )
        .map(_csv)
        .map(lambda rows: sound.split(b"\n")[0] + b"\n" + rows),
    )
    with bounded() as folder:
        (folder / name).write_bytes(data.draw(texts))
        try:
            *_, problems = read(folder / name)
        except ValueError as error:
            assert name in str(error)
            return
    assert all(name in problem for problem in problems)


def _csv(rows: list[list[str]]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue().encode()


SETTINGS = {
    "segmentation": {"ignore": [255], "source": "by hand"},
    "depth": {"unit": "m", "scale": 0.04, "missing": [0, "nan"], "farthest": 80},
    "normals": {"axes": ["right", "down", "away"], "missing": 0},
    "curvature": {"target_shift": [1, 2], "target_scale": [1, 2], "offset": -3},
    "scenes": {"kind": "multi_hot", "source": "by hand"},
    "notes": "Mine.",
    "unlabelled": "weak",
}


@fuzzed(st.one_of(inputs.changed_json(SETTINGS).map(str.encode), inputs.TEXTS), share=2)
def test_dataset_json(data):
    with bounded() as folder:
        (folder / "dataset.json").write_bytes(data)
        try:
            read = read_settings(folder / "dataset.json")
        except ValueError as error:
            assert "dataset.json" in str(error)
            return
    assert isinstance(read, Settings)
    for task in read.tasks.values():
        numbers = (task.scale or 1, task.offset or 0, task.farthest, *task.target_scale)
        assert np.isfinite(numbers).all()


def _config() -> Config:
    values = flags.FlagValues()
    define_flags(values)
    values(["program", "--image_size=64"])
    return checks.from_flags(values)


@fuzzed(st.data())
def test_records_of_runs_and_models(data):
    kinds = {
        "config.json": (json.loads(json.dumps(options_of(_config()))), saved.load),
        "mgm.json": (json.loads(json.dumps(INFO.metadata())), _info),
    }
    name = data.draw(st.sampled_from(sorted(kinds)))
    sound, read = kinds[name]
    with bounded() as folder:
        text = data.draw(inputs.changed_json(sound))
        (folder / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        with contextlib.suppress(ValueError):
            assert read(folder) is not None


def options_of(config: Config) -> dict:
    """The groups of settings, as JSON has them."""
    return dataclasses.asdict(config)


def _info(folder: pathlib.Path) -> DataInfo:
    path = folder / "mgm.json"
    info = DataInfo.from_metadata(records.read(path), path)
    assert info.features()
    return info


LINES = st.one_of(
    st.sampled_from(
        [
            *("--image_size=64", "--tasks=depth", "--learning_rate=inf", "--seed=-1"),
            *("# why", "", "--flagfile=mine.flags", "--flagfile", "--", "--notest"),
            *("image_size=64", "--image_size=64  # small", "--width=1e400", "-seed 3"),
        ]
    ),
    st.text(max_size=20),
)


@fuzzed(
    st.one_of(st.lists(LINES).map("\n".join), inputs.TEXTS),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1"]),
    share=2,
)
def test_flag_files(drawn, encoding):
    data = drawn if isinstance(drawn, bytes) else drawn.encode(encoding, "replace")
    with bounded() as folder, pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        (folder / "mine.flags").write_bytes(data)
        values = flags.FlagValues()
        define_flags(values)
        try:
            values(["program", *flag_files.expanded(["--flagfile=mine.flags"])])
            config = checks.from_flags(values)
        except (ValueError, OSError, flags.Error):
            return
    numbers = [v for v in options.settings(config).values() if isinstance(v, float)]
    assert np.isfinite(numbers).all()


@st.composite
def trees(draw: st.DrawFn) -> list[tuple[str, str, bytes]]:
    """Draws the files of a folder: (part, name, contents), and links."""
    parts = st.sampled_from(["rgb", "depth", "normals", "segmentation", "other", ""])
    suffixes = st.sampled_from([".png", ".jpg", ".npy", ".exr", "", ".csv", ".json"])
    files = []
    for _ in range(draw(st.integers(1, 12))):
        name = draw(inputs.NAMES) + draw(suffixes)
        data = draw(
            st.one_of(
                st.sampled_from(sorted({*IMAGES.values(), *ARRAYS.values()})),
                inputs.damaged(IMAGES).map(lambda drawn: drawn[2]),
                st.sampled_from([b"<link>", b"<loop>", b"<pipe>", b"<folder>"]),
            )
        )
        files.append((draw(parts), name, data))
    return files


def _write(path: pathlib.Path, data: bytes) -> None:
    makers = {
        b"<link>": lambda: path.symlink_to("/etc/hostname"),
        b"<loop>": lambda: path.symlink_to(".."),
        b"<pipe>": lambda: os.mkfifo(path),
        b"<folder>": path.mkdir,
    }
    with contextlib.suppress(OSError):  # what the file system itself refuses
        path.parent.mkdir(parents=True, exist_ok=True)
        makers.get(data, lambda: path.write_bytes(data))()


@fuzzed(trees(), st.booleans(), share=2)
def test_folders(tree, has_labels):
    with bounded() as folder:
        photos = folder / "photos"
        if has_labels:
            folder_files.write(photos)
        else:
            photos.mkdir()
        for part, name, data in tree:
            _write(photos / part / name, data)
        try:
            planned = plan(photos, 64)
        except (ValueError, OSError) as error:
            assert str(error).encode("utf-8")
            return
        for names in planned.parts.values():
            for name in names:
                assert name.encode("utf-8")
                with contextlib.suppress(DamagedFile):
                    read_image(planned.contents.images[name])


@fuzzed(trees(), share=1)
def test_predictions(tree):
    model = LoadedModel(
        pathlib.Path("1"), INFO, {}, types.SimpleNamespace(serve=tf.function(serve))
    )
    with bounded() as folder:
        photos, output = folder / "photos", folder / "out"
        photos.mkdir()
        for part, name, data in tree:
            _write(photos / part / name, data)
        try:
            jobs = predictions.plan(photos, output)
        except ValueError as error:
            assert "No image in" in str(error)
            return
        failures = predictions.predict(model, jobs, batch_size=4)
        done = [job for job in jobs if os.path.exists(job.arrays)]
        assert len(done) + failures == len(jobs)
        assert all(os.path.exists(job.panel) for job in done)
