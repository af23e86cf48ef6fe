"""What many GPUs would gain, by a model whose numbers a pencil can follow."""

import pytest

from mgm_tf.benchmark import scaling
from mgm_tf.benchmark.scaling import Link, Machine, Work
from tests.benchmark.test_main import GRAPH, measure

# A quarter of the peak is 1e12 operations a second; no message waits.
FAST = Link("fast", 100e9, 0.0)
SLOW = Link("slow", 1e9, 0.0)
PAIR = Machine("pair", 4e12, 2, FAST)
WORK = Work(flops=1e9, gradient_bytes=10**8, exchanges=100)


def test_a_step_computes_then_exchanges():
    # 10 images of 1e9 operations: 10 ms. A ring of two carries its 1e8 bytes once:
    # 1 ms by the fast link; one of four carries them 1.5 times, by the slow: 150 ms.
    assert scaling.step_seconds(WORK, 10, 1, PAIR, SLOW) == pytest.approx(0.010)
    assert scaling.step_seconds(WORK, 10, 2, PAIR, SLOW) == pytest.approx(0.011)
    assert scaling.step_seconds(WORK, 10, 4, PAIR, SLOW) == pytest.approx(0.160)
    assert scaling.efficiency(WORK, 10, 2, PAIR, SLOW) == pytest.approx(10 / 11)
    # The same 10 images on two: 5 ms and 1 ms.
    assert scaling.speedup(WORK, 10, 2, PAIR, SLOW) == pytest.approx(10 / 6)


def test_small_exchanges_wait_for_each_other():
    late = Link("late", float("inf"), 1e-5)
    # 100 exchanges of 2 log2(4) messages of 10 us: 4 ms.
    seconds = scaling.step_seconds(WORK, 10, 4, PAIR, late)
    assert seconds == pytest.approx(0.010 + 0.004)


def test_the_work_is_read_off_the_step(tmp_path, data_dir, capsys):
    changes = {"multi_task_length": "0steps", "joint_length": "1steps"}
    changes |= {"refinement": "eml", "tasks": "depth"}
    record = measure(tmp_path, data_dir, what="scaling", **GRAPH | changes)["scaling"]
    assert (record["stage"], record["batch_size"]) == ("joint", 4)
    # Each of two updates trains E, one the decoders, the other R.
    experiment_bytes = record["gradient_bytes"]
    assert experiment_bytes % 4 == 0 and experiment_bytes > 0
    assert record["exchanges"] > 4 and record["flops"] > 0
    rows = record["rows"]
    assert len(rows) == 2 * 2 * len(scaling.NUMBERS)
    for row in rows:
        if row["gpus"] == 1:
            assert row["efficiency"] == row["speedup_of_the_same_batch"] == 1
        assert 0 < row["efficiency"] <= 1
    output = capsys.readouterr().out
    assert "Efficiency with 4 images on each GPU" in output
    assert "median" not in output
