"""The devices that a run computes on: all GPUs, or logical CPUs; of all workers."""

import functools

import tensorflow as tf

from mgm_tf.config.settings import RunConfig
from mgm_tf.train import workers


def strategy_of(replicas: int) -> tf.distribute.Strategy:
    """Returns the strategy for so many devices; on a CPU they are logical ones.

    Args:
      replicas: the number of devices; 0 takes all GPUs, or the CPU as one device.

    Raises:
      ValueError: there are GPUs, but fewer than requested, or several workers are to
        take a part of them.
    """
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and replicas > len(gpus):
        raise ValueError(f"--replicas={replicas}: only {len(gpus)} GPUs are seen.")
    if not gpus:
        keep_graphs()
    number = replicas or max(len(gpus), 1)
    of_workers = workers.strategy()
    if of_workers is not None:
        if number != max(len(gpus), 1):
            raise ValueError(
                f"--replicas={replicas}: each of several workers takes all of its GPUs "
                "(those that CUDA_VISIBLE_DEVICES shows), or the CPU as one device."
            )
        return of_workers
    if number == 1:
        return tf.distribute.get_strategy()
    kind = "GPU" if gpus else "CPU"
    if not gpus:
        split_cpu(number)
    return _mirrored(tuple(f"{kind}:{i}" for i in range(number)))


def keep_graphs() -> None:
    """Has TensorFlow run graphs as they are built.

    On a CPU, what its optimizer of graphs gains is nothing that can be measured, and
    the first joint step waits for it: 10 seconds in the place of 26, behind the 15 of
    building the graph (64 px, a quarter of the widths), and 1.3 a step in either case.
    """
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})


# What a CPU must have to be faster by a precision; None: nothing that TensorFlow uses.
_INSTRUCTIONS = {"float32": "", "bfloat16": "bf16", "float16": None}


def notes(run: RunConfig, processor: str) -> list[str]:
    """Returns a sentence for each setting that makes steps slower on this machine.

    Measured by two cores of an AMD EPYC with AVX-512 BF16.

    Args:
      run: the settings of the run.
      processor: the processor with its vector instructions, of `provenance.processor`.
    """
    if tf.config.list_physical_devices("GPU"):
        return []
    sentences = []
    if run.jit_compile:
        sentences.append(
            "--jit_compile: without a GPU, steps get slower. Beside oneDNN, compiled "
            "passes take 1.24 (M), 1.30 (G) and 1.31 (D) times as long at 64 px and a "
            "quarter of the widths, 1.49, 1.18 and 0.93 times at 128 px and full "
            "widths, and 4 to 10 seconds each to compile."
        )
    instructions = _INSTRUCTIONS[run.precision]
    if instructions is None or instructions not in processor:
        sentences.append(
            f"--precision={run.precision}: without instructions for it, steps get "
            f"slower; here are {processor} and no GPU."
        )
    return sentences


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    # Two strategies in one process mix up the keys of their collective operations.
    return tf.distribute.MirroredStrategy(devices)


def split_cpu(number: int) -> None:
    """Splits the CPU into logical devices, unless it is split so far already.

    Raises:
      ValueError: TensorFlow runs already, with fewer.
    """
    cpu = tf.config.list_physical_devices("CPU")[0]
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * number
        )
    except RuntimeError:
        count = len(tf.config.list_logical_devices("CPU"))
        if count < number:
            raise ValueError(
                f"--replicas={number}: TensorFlow runs with {count} logical CPUs."
            ) from None
