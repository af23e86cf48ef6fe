"""State dicts of others, in all the layouts that they come in.

`tests/golden/state_dicts/` was written by PyTorch 2.13 and safetensors 0.8:

    base = torch.arange(24, dtype=torch.float32)
    weights = OrderedDict(
        float32=base.view(2, 3, 4), transposed=base.view(4, 6).t(),
        tail_of_the_same=base[20:], parameter=Parameter(tensor([1.5, -2.0])),
        float16=tensor([0.5, -1.25], dtype=float16),
        bfloat16=tensor([0.5, -1.25, 3.0], dtype=bfloat16),
        float64=tensor([1 / 3], dtype=float64),
        num_batches_tracked=tensor(7), empty=zeros(0, 3))
    torch.save(weights, "zip.pth")
    torch.save(weights, "stream.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "arch": "resnet18", "state_dict": weights,
                "best_acc1": tensor(0.7)}, "checkpoint.pth")
    torch.save(torch.nn.Linear(2, 1), "module.pth")
    save_file({k: v.contiguous().clone() for k, v in weights.items()}, ...)
"""

import io
import os
import pathlib
import pickle
import zipfile

import numpy as np
import pytest

from mgm_tf.networks.published import state_dicts

FILES = pathlib.Path(__file__).parents[2] / "golden" / "state_dicts"
COUNT = np.arange(24, dtype=np.float32)
EXPECTED = {
    "float32": COUNT.reshape(2, 3, 4),
    "transposed": COUNT.reshape(4, 6).T,
    "tail_of_the_same": COUNT[20:],
    "parameter": np.array([1.5, -2.0], np.float32),
    "float16": np.array([0.5, -1.25]),
    "bfloat16": np.array([0.5, -1.25, 3.0]),
    "float64": np.array([1 / 3]),
    "num_batches_tracked": np.array(7),
    "empty": np.zeros((0, 3)),
}


@pytest.mark.parametrize(
    "name", ["zip.pth", "stream.pth", "checkpoint.pth", "state_dict.safetensors"]
)
def test_every_layout_gives_the_same_weights(name):
    weights = state_dicts.read(FILES / name)
    assert weights.keys() == EXPECTED.keys()
    for key, expected in EXPECTED.items():
        assert weights[key].shape == expected.shape, key
        np.testing.assert_array_equal(weights[key].astype(expected.dtype), expected)


class Acts:
    """What a pickle can call, of those that would do harm if it were."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def archive(path, pickled, storage=b""):
    """A file of PyTorch's layout with such a pickle and a storage named 0."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("archive/data.pkl", pickled)
        file.writestr("archive/data/0", storage)
    return path


def test_nothing_is_executed(tmp_path):
    made = tmp_path / "made"
    content = pickle.dumps({"fc.weight": Acts(made)}, protocol=2)
    for file in (archive(tmp_path / "a.pth", content), tmp_path / "b.pth"):
        if not file.exists():
            file.write_bytes(content)
        with pytest.raises(ValueError, match=rf"{file}.*`\w*.mkdir`, which is no part"):
            state_dicts.read(file)
    assert not made.exists()


def test_a_whole_module_is_refused_by_its_name():
    with pytest.raises(ValueError, match="`torch.nn.modules.linear.Linear`"):
        state_dicts.read(FILES / "module.pth")


class _Global:
    """A name that a pickle asks for, and what it is called with."""

    def __init__(self, module, name):
        self.module, self.name = module, name


class _Pickler(pickle._Pickler):
    """Writes what PyTorch writes, but for the numbers it is given."""

    def persistent_id(self, obj):
        return obj if isinstance(obj, tuple) and obj[:1] == ("storage",) else None

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, _Global):
            self.write(f"c{obj.module}\n{obj.name}\n".encode())
            return
        super().save(obj, save_persistent_id)


def tensor(offset, shape, strides, kind="FloatStorage", key="0"):
    """A pickle {"a": tensor} of a storage of 24 numbers."""
    stream = io.BytesIO()
    storage = ("storage", _Global("torch", kind), key, "cpu", 24)

    pickler = _Pickler(stream, protocol=2)
    pickler.write(pickle.PROTO + b"\x02" + pickle.MARK)
    pickler.save("a")
    pickler.save(_Global("torch._utils", "_rebuild_tensor_v2"))
    pickler.save((storage, offset, shape, strides, False, {}))
    pickler.write(pickle.REDUCE + pickle.DICT + pickle.STOP)
    return stream.getvalue()


def read_tensor(tmp_path, *description, **others):
    path = archive(tmp_path / "a.pth", tensor(*description, **others), COUNT.tobytes())
    return state_dicts.read(path)["a"]


def test_a_tensor_lies_in_its_storage(tmp_path):
    values = read_tensor(tmp_path, 2, (2, 2), (10, 1))
    np.testing.assert_array_equal(values, [[2, 3], [12, 13]])


@pytest.mark.parametrize(
    "description",
    [
        (0, (25,), (1,)),  # one more than there is
        (20, (5,), (1,)),
        (0, (2,), (10**9,)),
        (-1, (2,), (1,)),
        (4, (2,), (-4,)),
        (0, (10**12,), (0,)),  # of a single number, but larger than any memory
        (0, (2, 2), (1,)),
        (0.5, (2,), (1,)),
    ],
)
def test_a_tensor_beyond_its_storage_is_refused(tmp_path, description):
    with pytest.raises(ValueError, match="a.pth cannot be read"):
        read_tensor(tmp_path, *description)


def test_other_storages_are_refused(tmp_path):
    with pytest.raises(ValueError, match="`torch.QInt8Storage`"):
        read_tensor(tmp_path, 0, (1,), (1,), kind="QInt8Storage")
    with pytest.raises(ValueError, match="data/7"):
        read_tensor(tmp_path, 0, (1,), (1,), key="7")


def test_names_of_data_parallel_lose_their_prefix(tmp_path):
    content = tensor(0, (1,), (1,)).replace(
        b"X\x01\x00\x00\x00a", b"X\x08\x00\x00\x00module.a"
    )
    weights = state_dicts.read(archive(tmp_path / "a.pth", content, COUNT.tobytes()))
    assert list(weights) == ["a"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"not weights at all", "neither like a file of safetensors nor"),
        (b"", "neither like"),
        (pickle.dumps([1, 2]), "not one of PyTorch's"),
        ((FILES / "zip.pth").read_bytes()[:-500], "zip"),
        ((FILES / "stream.pth").read_bytes()[:-80], "does not lie|multiple|buffer"),
        ((FILES / "state_dict.safetensors").read_bytes()[:-9], "cannot be read"),
    ],
)
def test_other_and_damaged_files_are_named(tmp_path, content, reason):
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"(?s)weights.bin.*(?:{reason})"):
        state_dicts.read(path)


def test_without_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected weights"):
        state_dicts.read(tmp_path / "none.pth")
