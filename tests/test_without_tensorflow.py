"""What commands do without what takes seconds to import, or before."""

import pathlib
import subprocess
import sys

from mgm_tf.config import choices
from mgm_tf.export import runtimes
from mgm_tf.predict import predictions
from tests.experiments.report import run_folders
from tests.experiments.report.run_folders import MGM, MT

ROOT = pathlib.Path(__file__).parent.parent
# Calls one command after the other, in a process that can import no TensorFlow.
PROGRAM = """
import contextlib, importlib, io, sys

for name in ("tensorflow", "keras", "tensorflow_datasets", "sklearn"):
    sys.modules[name] = None

from absl import app, flags
from mgm_tf.config import command_line

app.define_help_flags()
own, workdir = set(flags.FLAGS), "--workdir=" + sys.argv[1]


def call(name, *words):
    for flag in set(flags.FLAGS) - own:
        delattr(flags.FLAGS, flag)
    flags.FLAGS.unparse_flags()
    flags.FLAGS["helpfull"].value = False
    module = importlib.import_module("mgm_tf." + name)
    sys.argv = ["program", *words]
    sys.modules["__main__"].__doc__ = module.__doc__
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            module.define_flags()
            command_line.run(getattr(module, "COMMANDS", None) or module.main)
        except SystemExit as end:
            return end.code or 0, output.getvalue()


def expect(code, word, *given):
    received = call(*given)
    assert received[0] == code and word in received[1], (given, *received)


names = "train data evaluate export predict probe experiments benchmark".split()
for name in (*(f"{name}.__main__" for name in names), "sample", "serve_check", "demo"):
    expect(1, "grace_s", name, "--helpfull")
    expect(2, "colour", name, "--colour=red")
expect(2, "--width=9", "train.__main__", "--width=9")
expect(2, "config.json", "evaluate.__main__", "--workdir=none")
experiments = "experiments.__main__"
expect(0, "PFLOP", experiments, "list", "--scale=smoke")
expect(0, "python -m mgm_tf.train", experiments, "plan", "--table=2", workdir)
words = "report", "--table=2", "--dataset=rooms", workdir
expect(0, "The report is", experiments, *words)
"""


def test_help_plans_and_reports_need_no_tensorflow(tmp_path):
    for seed in range(2):
        for training, miou in ((MT, 0.2 + 0.01 * seed), (MGM, 0.3)):
            metrics = run_folders.figures(miou, 0.5)
            run_folders.write(tmp_path, training, seed, metrics)
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "0.205 ± 0.007 (2)" in (tmp_path / "report.md").read_text()


def test_the_names_of_choices_are_those_of_the_tables():
    assert tuple(runtimes.RUNTIMES) == choices.RUNTIMES
    assert tuple(predictions.WRITERS) == choices.RESULTS
