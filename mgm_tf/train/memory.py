"""The memory of a step, from its graph: what is alive at once as TensorFlow runs it.

An operation runs as soon as its inputs are there. Small ones run at once, large ones
queue up and take their turns: what several of them need is alive at the same time, and
more than if a step were computed line by line. A result is freed after its last use, or
is written in the place of an input that has its last use there.
"""

import collections
from collections.abc import Iterable, Sequence

import tensorflow as tf

# The operations that run another graph.
CALLS = frozenset({"PartitionedCall", "StatefulPartitionedCall"})
# The operations whose results are their inputs, or a weight's own memory.
_ALIASES = frozenset(
    {
        "Identity",
        "IdentityN",
        "Reshape",
        "Squeeze",
        "ExpandDims",
        "StopGradient",
        "PreventGradient",
    }
)
_PAIRED = frozenset({"IdentityN"})  # each result is the input at its place
_OF_VARIABLES = frozenset({"ReadVariableOp", "VarHandleOp"})
_OF_THE_CALLER = frozenset({"Placeholder"})
# The operations that write where an input was.
_IN_PLACE = frozenset(
    {
        "Abs",
        "Add",
        "AddN",
        "AddV2",
        "BiasAdd",
        "DivNoNan",
        "Exp",
        "FusedBatchNormV3",
        "LeakyRelu",
        "LeakyReluGrad",
        "LogSoftmax",
        "Maximum",
        "Minimum",
        "Mul",
        "Neg",
        "RealDiv",
        "Relu",
        "ReluGrad",
        "Rsqrt",
        "SelectV2",
        "Sign",
        "Softmax",
        "SoftmaxCrossEntropyWithLogits",
        "SparseSoftmaxCrossEntropyWithLogits",
        "Sqrt",
        "Square",
        "Sub",
        "Tanh",
        "TanhGrad",
    }
)
# The operations that queue up.
_LARGE = frozenset(
    {
        "BatchMatMulV2",
        "Conv2D",
        "Conv2DBackpropFilter",
        "Conv2DBackpropInput",
        "FusedBatchNormGradV3",
        "FusedBatchNormV3",
        "MatMul",
    }
)


def peak_bytes(graph: tf.Graph) -> int:
    """Returns the largest sum of the sizes of results that are alive at once."""
    return _Run(graph, {}).peak()


def called_graph(operation: tf.Operation) -> tf.Graph:
    """Returns the graph that a call runs."""
    # TensorFlow has no public way from a call to what is called.
    return operation.graph._get_function(operation.get_attr("f").name).graph


class _Run:
    """A run of a graph, operation by operation.

    Args:
      graph: the graph.
      peaks: the peaks of called graphs by name, as far as they are known.
      is_called: whether the graph is called: its inputs are the caller's then, and its
        outputs stay.
    """

    def __init__(self, graph: tf.Graph, peaks: dict[str, int], is_called: bool = False):
        self._operations = graph.get_operations()
        self._peaks = peaks
        # Result -> the one whose memory it shares; None if that is counted elsewhere.
        self._owners: dict[str, str | None] = {}
        for operation in self._operations:
            self._note_owners(operation, is_called)
        outputs = graph.outputs if is_called else ()
        self._uses = collections.Counter(filter(None, map(self._owner, outputs)))
        for operation in self._operations:
            self._uses.update(filter(None, map(self._owner, operation.inputs)))
        self._alive: dict[str, int] = {}
        self._live = self._peak = 0

    def peak(self) -> int:
        """Runs all operations; returns the most memory of their results."""
        waiting, followers = _dependencies(self._operations)
        small = collections.deque(op for op in self._operations if not waiting[op.name])
        large: collections.deque[tf.Operation] = collections.deque()
        while small or large:
            operation = small.popleft() if small else large.popleft()
            self._run(operation)
            for follower in followers[operation.name]:
                waiting[follower.name] -= 1
                if not waiting[follower.name]:
                    (large if follower.type in _LARGE else small).append(follower)
        return self._peak

    def _note_owners(self, operation: tf.Operation, is_called: bool) -> None:
        if operation.type in _ALIASES:
            for place, output in enumerate(operation.outputs):
                source = operation.inputs[place * (operation.type in _PAIRED)]
                self._owners[output.name] = self._owner(source)
        elif operation.type in _OF_VARIABLES or (
            is_called and operation.type in _OF_THE_CALLER
        ):
            self._owners |= dict.fromkeys(o.name for o in operation.outputs)

    def _owner(self, tensor: tf.Tensor) -> str | None:
        return self._owners.get(tensor.name, tensor.name)

    def _run(self, operation: tf.Operation) -> None:
        if operation.type in CALLS:
            self._peak = max(self._peak, self._live + self._peak_of_call(operation))
        free = self._last_used(operation) if operation.type in _IN_PLACE else []
        for output in operation.outputs:
            if self._uses[output.name] and output.name not in self._owners:
                self._allocate(output, free)
        self._peak = max(self._peak, self._live)
        for tensor in operation.inputs:
            self._release(self._owner(tensor))

    def _last_used(self, operation: tf.Operation) -> list[str]:
        owners = filter(None, map(self._owner, operation.inputs))
        return [o for o in owners if o in self._alive and self._uses[o] == 1]

    def _allocate(self, output: tf.Tensor, free: list[str]) -> None:
        size = (output.shape.num_elements() or 0) * output.dtype.size
        for owner in free:
            if self._alive[owner] == size:
                free.remove(owner)
                self._live -= self._alive.pop(owner)
                break
        self._alive[output.name] = size
        self._live += size

    def _release(self, owner: str | None) -> None:
        if owner is None:
            return
        self._uses[owner] -= 1
        if not self._uses[owner]:
            self._live -= self._alive.pop(owner, 0)

    def _peak_of_call(self, operation: tf.Operation) -> int:
        name = operation.get_attr("f").name
        if name not in self._peaks:
            called = _Run(called_graph(operation), self._peaks, is_called=True)
            self._peaks[name] = called.peak()
        return self._peaks[name]


def _dependencies(
    operations: Sequence[tf.Operation],
) -> tuple[dict[str, int], dict[str, list[tf.Operation]]]:
    """Returns how many operations each waits for, and which ones wait for it."""
    waiting: dict[str, int] = {}
    followers: dict[str, list[tf.Operation]] = {op.name: [] for op in operations}
    for operation in operations:
        sources = _names(operation)
        waiting[operation.name] = len(sources)
        for name in sources:
            followers[name].append(operation)
    return waiting, followers


def _names(operation: tf.Operation) -> set[str]:
    inputs: Iterable[tf.Operation] = (tensor.op for tensor in operation.inputs)
    return {op.name for op in (*inputs, *operation.control_inputs)}
