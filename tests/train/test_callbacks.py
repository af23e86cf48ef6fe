"""The callbacks of a stage: the steps at which they act, and what stops a run."""

import os
import signal

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.tsl.profiler.protobuf import xplane_pb2

from mgm_tf.config.options import StepRange
from mgm_tf.config.signals import SIGNALS
from mgm_tf.errors import NotFinite
from mgm_tf.train import callbacks, logs
from mgm_tf.train.callbacks import (
    EverySteps,
    Interruption,
    Progress,
    Scalars,
)
from mgm_tf.train.costs import RunCosts
from mgm_tf.train.profiling import Profile


class Counter(keras.Model):
    """Counts its steps; its one loss is the mean of the batches."""

    def __init__(self):
        super().__init__()
        self.steps = self.add_weight(shape=(), dtype="int32", trainable=False)
        self.loss_tracker = keras.metrics.Mean("update/term")
        self.built = True

    @property
    def metrics(self):
        return [self.loss_tracker]

    def call(self, inputs):
        return inputs

    def train_step(self, batch):
        self.steps.assign_add(1)
        self.loss_tracker.update_state(batch)
        return {"update/term": self.loss_tracker.result()}


def fit(
    steps: int, make_callbacks, steps_per_execution: int = 1, losses=None
) -> Counter:
    """Trains so many steps; the loss of step n is `losses[n]`, or n."""
    model = Counter()
    model.compile(optimizer=None, steps_per_execution=steps_per_execution)
    values = range(steps) if losses is None else losses
    dataset = tf.data.Dataset.from_tensor_slices(
        np.array(values, np.float32)[:, None]
    ).take(steps)
    model.fit(
        dataset,
        steps_per_epoch=steps,
        verbose=0,
        shuffle=False,
        callbacks=make_callbacks(model),
    )
    return model


def steps_of_acts(steps, every, first=0, steps_per_execution=1):
    """Returns the steps at which `EverySteps` acts."""
    acted_at = []
    last = first + steps
    fit(
        steps,
        lambda model: [EverySteps(every, acted_at.append, first, last)],
        steps_per_execution,
    )
    return acted_at


# --- Every so many steps ------------------------------------------------------------


def test_every_so_many_steps_and_at_the_end():
    assert steps_of_acts(steps=7, every=3) == [3, 6, 7]
    assert steps_of_acts(steps=6, every=3) == [3, 6]
    assert steps_of_acts(steps=2, every=3) == [2]


def test_a_resumed_run_acts_at_the_same_steps_of_the_run():
    assert steps_of_acts(steps=6, every=5, first=8) == [10, 14]


def test_several_steps_in_a_call_act_at_the_step_that_is_reached():
    # Calls end at 2, 4, 6, 8: 3 is passed at 4, 6 is met.
    assert steps_of_acts(steps=8, every=3, steps_per_execution=2) == [4, 6, 8]
    # Two multiples of 2 in one call are one act.
    assert steps_of_acts(steps=8, every=2, steps_per_execution=4) == [4, 8]


def test_a_last_call_of_fewer_steps_ends_at_the_last_step():
    assert steps_of_acts(steps=5, every=4, first=10, steps_per_execution=2) == [12, 15]


def test_no_more_steps_are_taken_than_requested():
    assert int(fit(5, lambda model: [], steps_per_execution=2).steps) == 5


# --- Scalars ------------------------------------------------------------------------


@pytest.fixture
def run_costs(tmp_path):
    return RunCosts(tmp_path)


def rates(step):
    return {"learning_rate/encoder": 50.0 / step}


def scalars(log, model, run_costs, step=0):
    return Scalars(log, model, "joint", 4, rates, lambda values: None, step, run_costs)


def test_scalars_are_means_since_the_last_time(tmp_path, run_costs):
    log = logs.Log(tmp_path)
    # Losses 0 1 2 | 3 4 5 | 6.
    fit(7, lambda m: [EverySteps(3, scalars(log, m, run_costs, 99), 99, 106)])
    lines = logs.read(tmp_path)
    assert [line["step"] for line in lines] == [102, 105, 106]
    assert [line["loss/update/term"] for line in lines] == [1, 4, 6]
    assert all(line["stage"] == "joint" for line in lines)
    expected = [50 / 102, 50 / 105, 50 / 106]
    assert [line["learning_rate/encoder"] for line in lines] == expected
    assert all(line["images_per_second"] > 0 for line in lines)


def test_images_per_second_leave_pauses_out(tmp_path, monkeypatch, run_costs):
    now = [10.0]
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now[0])
    write = scalars(logs.Log(tmp_path), Counter(), run_costs, step=5)
    now[0] += 1
    with write.paused():
        now[0] += 100
    now[0] += 1
    write(11)
    # 6 steps of 4 images in 1 + 1 seconds.
    assert logs.read(tmp_path)[0]["images_per_second"] == 12
    # The costs of the run have the same steps and seconds.
    joint = run_costs.record["stages"]["joint"]
    assert (joint["steps"], joint["seconds"]) == (6, 2)
    assert (joint["batch_size"], joint["images_per_second"]) == (4, 12)
    now[0] += 4
    write(13)
    assert (joint["steps"], joint["seconds"]) == (8, 6)
    assert joint["images_per_second"] == pytest.approx(32 / 6)


def test_a_step_is_written_once(tmp_path, run_costs):
    write = scalars(logs.Log(tmp_path), Counter(), run_costs)
    write(3)
    write(3)  # the losses were reset: this would be a line of zeros
    assert len(logs.read(tmp_path)) == 1
    assert run_costs.record["stages"]["joint"]["steps"] == 3


@pytest.mark.parametrize("loss", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_no_number_ends_the_run_and_is_named(tmp_path, run_costs, loss):
    log = logs.Log(tmp_path)
    with pytest.raises(NotFinite) as error:
        fit(
            6,
            lambda model: [EverySteps(2, scalars(log, model, run_costs), 0, 6)],
            losses=[1, 1, 1, loss, 1, 1],
        )
    assert all(w in str(error.value) for w in ("joint", "step 4", "update/term"))
    assert [line["step"] for line in logs.read(tmp_path)] == [2]


def test_weights_that_are_no_numbers_are_named():
    good, bad = (keras.Sequential([keras.layers.Dense(2)]) for _ in range(2))
    for network in (good, bad):
        network.build((None, 1))
    networks = {"encoder": good, "generator": bad}
    callbacks.check_weights(networks, "joint", 9)
    bad.layers[0].bias.assign([0.0, np.inf])
    with pytest.raises(NotFinite, match="joint, step 9: weights of generator are not"):
        callbacks.check_weights(networks, "joint", 9)


# --- Progress -----------------------------------------------------------------------


def test_progress_counts_the_steps_of_the_stage(capsys):
    bars = []

    def make_callbacks(model):
        bars.append(Progress("stage 1/3", first=4, total=9))
        return bars

    fit(5, make_callbacks, steps_per_execution=2)
    bars[0].show({"update/one": 1.0, "update/two": 2.5, "other/term": 0.25})
    assert bars[0].done == 5
    bars[0].close()
    output = capsys.readouterr().err
    assert "stage 1/3" in output and "9/9" in output
    assert "update=3.5 other=0.25" in output


# --- Profiles -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "profiled"), [((12, 13), [12, 13]), ((14, 99), [14, 15]), ((16, 17), [])]
)
def test_a_profile_of_some_steps_names_their_operations(tmp_path, steps, profiled):
    fit(5, lambda model: [Profile(tmp_path, StepRange(*steps), done=10)])
    files = list((tmp_path / "plugins" / "profile").glob("*/*.xplane.pb"))
    assert len(files) == bool(profiled)
    for file in files:
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
        names = {m.name for p in space.planes for m in p.event_metadata.values()}
        assert any(name.endswith(":AssignVariableOp") for name in names)
        assert marked_steps(space) == profiled


def marked_steps(space):
    """The numbers of the steps that a profile has marked, in order."""
    found = set()
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                if plane.event_metadata[event.metadata_id].name == "train":
                    found |= {
                        stat.int64_value or stat.uint64_value
                        for stat in event.stats
                        if plane.stat_metadata[stat.metadata_id].name == "step_num"
                    }
    return sorted(found)


# --- Stopping -----------------------------------------------------------------------


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_stops_after_the_step(number, capsys):
    handlers = [signal.getsignal(each) for each in SIGNALS]
    with Interruption() as interruption:

        def make_callbacks(model):
            def kill(step):
                if step == 3:
                    os.kill(os.getpid(), number)

            return [EverySteps(1, kill, 0, 8), interruption]

        model = fit(8, make_callbacks)
    assert interruption.requested
    assert int(model.steps) == 3
    assert "Stopping after this step" in capsys.readouterr().out
    assert [signal.getsignal(each) for each in SIGNALS] == handlers


def test_a_signal_to_another_worker_stops_after_the_same_step(monkeypatch):
    asked = []

    def any_of(flag):
        asked.append(flag)
        return len(asked) == 3

    monkeypatch.setattr(callbacks.workers, "any_of", any_of)
    with Interruption() as interruption:
        model = fit(8, lambda model: [interruption])
    assert interruption.requested and int(model.steps) == 3
    assert asked == [False] * 3


def test_a_signal_before_the_first_step_stops_at_once():
    with pytest.raises(KeyboardInterrupt), Interruption():
        os.kill(os.getpid(), signal.SIGTERM)


def test_handlers_come_back_without_a_signal_and_after_an_error():
    handlers = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(RuntimeError), Interruption() as interruption:
        assert signal.getsignal(signal.SIGTERM) == interruption._request
        raise RuntimeError
    assert not interruption.requested
    assert [signal.getsignal(each) for each in SIGNALS] == handlers
