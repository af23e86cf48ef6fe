"""The data sets by the command of TFDS, `tfds build datasets/NAME`, from a clone."""

import os
import pathlib
import subprocess
import sys

import datasets
from datasets.nyuv2 import labeled_mat
from mgm_tf.data import builders
from tests.datasets import test_nyuv2

ROOT = pathlib.Path(__file__).parent.parent.parent

# What `tfds build` does first: it imports the builder from its folder.
FINDING = """
import sys
from tensorflow_datasets.scripts.cli import build
for name in sys.argv[1:]:
    found, _ = build._get_builder_cls_and_kwargs(f"datasets/{name}", has_imports=False)
    builder = found(data_dir="/nowhere", config=found.BUILDER_CONFIGS[0])
    print(found.name, found.__module__, builder.info.file_format.value, sep=",")
    print(bool(builder.info.citation))
"""


def run(*command) -> str:
    """Runs a command in the clone, which is on no path of Python's."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env=environment | {"TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_folder_is_found():
    lines = run(sys.executable, "-P", "-c", FINDING, *datasets.BUILDERS).splitlines()
    names = [line.split(",") for line in lines[::2]]
    assert names == [
        [name, f"{name}.{name}_dataset_builder", "array_record"]
        for name in datasets.BUILDERS
    ]
    # README, CITATIONS.bib and TAGS.txt are found beside the builder.
    assert lines[1::2] == ["True"] * len(names)


def test_what_the_command_builds_is_what_we_read(tmp_path, capsys):
    manual_dir, data_dir = tmp_path / "manual", tmp_path / "data"
    manual_dir.mkdir()
    test_nyuv2.write_mat(manual_dir / labeled_mat.FILE_NAME)
    options = [
        "--config=paper_64",
        f"--manual_dir={manual_dir}",
        f"--data_dir={data_dir}",
    ]
    command = pathlib.Path(sys.executable).parent / "tfds"
    run(command, "build", "datasets/nyuv2", *options)

    builder = builders.open_builder("nyuv2", "", 64, str(data_dir))
    builders.prepare(builder)
    assert "Building" not in capsys.readouterr().out
    found = test_nyuv2.examples(builder)
    assert sorted(found) == [f"{number:04d}" for number in range(1, 13)]
    assert found["0004"]["depth"].max() == 2500
    assert builder.info.metadata["notes"].startswith("12 frames: 9 train")
