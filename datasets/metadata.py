"""What every builder tells about its data: one record, stored with the examples.

A builder stores label maps as integers (PNG). `TaskInfo` says how they are read:

    physical = raw * scale + offset,    raw == missing in every channel: no label there

and how a network is taught them:

    target = (physical - target_shift) / target_scale,

with `log1p(physical / target_log)` in the place of `physical` where `target_log` is not
0, and physical values clipped to `target_clip` first where that is not empty.

Whatever sizes a network (channels, classes, scenes) is read from here, so that no
data set's number appears in `mgm_tf`.
"""

import dataclasses
import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from etils import epy

from datasets.files import records

with epy.lazy_imports():
    import tensorflow_datasets as tfds

# The types of stored label maps.
DTYPES = ("uint8", "uint16")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskInfo:
    """The record of how a task's label maps are stored and taught.

    Attributes:
      name: the key of the map in an example, `segmentation`, `depth`, `normals`, …
      channels: the number of channels of the stored map [H, W, channels].
      dtype: `uint8` or `uint16`.
      missing: the raw value that, in every channel of a pixel, means "no label".
      scale, offset: physical = raw * scale + offset.
      unit: the unit of the physical values, in words.
      target_shift, target_scale: one number a channel (or one for all);
        target = (physical - target_shift) / target_scale.
      target_log: if above 0, the logarithm log(1 + physical / target_log) is taught.
      target_clip: (low, high), what physical values are clipped to before; or empty.
      codings: other ways to teach the task, by name: fields that change.
      class_names, class_colors: of a map of class numbers, else empty; colours are
        (red, green, blue) in 0..255.
      source: where the labels come from, if that needs saying.
      reports_unmasked: the mean loss over all pixels, those without a label taken by
        what is stored there, is a metric as well, to compare with published figures.
    """

    name: str
    channels: int = 1
    dtype: str = "uint16"
    missing: int = 0
    scale: float = 1.0
    offset: float = 0.0
    unit: str = ""
    target_shift: tuple[float, ...] = (0.0,)
    target_scale: tuple[float, ...] = (1.0,)
    target_log: float = 0.0
    target_clip: tuple[float, ...] = ()
    codings: Mapping[str, Mapping] = dataclasses.field(
        default_factory=dict,
        hash=False,  # a mapping has none
    )
    class_names: tuple[str, ...] = ()
    class_colors: tuple[tuple[int, int, int], ...] = ()
    source: str = ""
    reports_unmasked: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError if nothing can be stored in this way."""
        records.choice("dtype", self.dtype, DTYPES)
        if self.channels < 1 or not self.scale:
            raise ValueError(
                f"{self.name}: expected one channel or more and a scale other than 0, "
                f"found {self.channels} and {self.scale}"
            )
        if self.missing not in (0, self._largest):
            raise ValueError(
                f"{self.name}: `missing` is either 0 or {self._largest}, the ends of "
                f"{self.dtype}; received {self.missing}, which cuts its range in two."
            )

    @property
    def raw_range(self) -> tuple[int, int]:
        """The smallest and largest raw value of a label; `missing` is outside."""
        if self.missing == 0:
            low, high = 1, self._largest
        else:
            low, high = 0, self._largest - 1
        if self.class_names:
            high = min(high, low + len(self.class_names) - 1)
        return low, high

    @property
    def physical_range(self) -> tuple[float, float]:
        """The smallest and largest value that a label can have."""
        low, high = self.raw_range
        return low * self.scale + self.offset, high * self.scale + self.offset

    @property
    def _largest(self) -> int:
        return int(np.iinfo(self.dtype).max)

    def encode(
        self, physical: np.ndarray, valid: np.ndarray | None = None
    ) -> np.ndarray:
        """Returns the raw map of `physical` [H, W, channels] or [H, W].

        `valid` [H, W] (default: everywhere) is False where there is no label.

        Raises:
          ValueError: a labelled value is not finite, or more than half a step outside
            what can be stored.
        """
        physical = np.asarray(physical, np.float64)
        physical = physical[..., None] if physical.ndim == 2 else physical
        valid = np.ones(physical.shape[:2], bool) if valid is None else valid
        if not np.isfinite(physical[valid]).all():
            raise ValueError(f"{self.name}: a labelled pixel is NaN or infinite.")
        low, high = self.raw_range
        steps = (np.where(valid[..., None], physical, 0.0) - self.offset) / self.scale
        beyond = np.maximum(low - steps, steps - high)[valid]
        # Half a step is what rounding may move; the rest is of this arithmetic.
        if (beyond > 0.5 + 1e-6).any():
            self._refuse(physical[valid].reshape(-1)[np.argmax(beyond)])
        # `missing` is kept free: labels never round to it.
        raw = np.clip(np.round(steps), low, high)
        return np.where(valid[..., None], raw, self.missing).astype(self.dtype)

    def _refuse(self, value: float) -> None:
        """Raises the ValueError of a label that cannot be stored."""
        low, high = self.physical_range
        if self.class_names:
            raise ValueError(
                f"{self.name}: label {value:g} is none of the {len(self.class_names)} "
                f"classes {low:g}..{high:g}."
            )
        raise ValueError(
            f"{self.name}: {value:g} {self.unit} is outside {low:g}..{high:g} "
            f"{self.unit}: is it in another unit?"
        )

    def with_coding(self, name: str) -> "TaskInfo":
        """Returns the task taught by the coding `name`; itself if there is none."""
        return dataclasses.replace(self, **self.codings.get(name, {}))

    def decode(self, raw: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the physical map [H, W, channels] and where it is labelled [H, W]."""
        valid = np.any(raw != self.missing, axis=-1)
        return raw.astype(np.float64) * self.scale + self.offset, valid


def segmentation_info(
    class_names: Iterable[str],
    class_colors: Iterable[tuple[int, int, int]],
    source: str = "",
) -> TaskInfo:
    """Returns the task of class numbers 0..n-1, 255 where there is no label."""
    return TaskInfo(
        name="segmentation",
        dtype="uint8",
        missing=255,
        unit="class",
        class_names=tuple(class_names),
        class_colors=tuple((int(r), int(g), int(b)) for r, g, b in class_colors),
        source=source,
    )


def depth_info(
    target_shift: float = 0.0, target_scale: float = 1.0, source: str = ""
) -> TaskInfo:
    """Returns the task of depth along the optical axis: millimetres, up to 65 m."""
    return TaskInfo(
        name="depth",
        scale=1e-3,
        unit="m",
        target_shift=(target_shift,),
        target_scale=(target_scale,),
        source=source,
    )


def normals_info(source: str = "") -> TaskInfo:
    """Returns the task of unit vectors (x right, y up, z to camera), taught in 0..1."""
    return TaskInfo(
        name="normals",
        channels=3,
        scale=1 / 32767,
        offset=-32768 / 32767,  # raw 1 is -1, 32768 is 0, 65535 is +1
        unit="unit vector (x right, y up, z to the camera)",
        target_shift=(-1.0,),
        target_scale=(2.0,),
        source=source,
    )


def unit_interval_info(
    name: str, target_shift: float = 0.0, target_scale: float = 1.0, source: str = ""
) -> TaskInfo:
    """Returns a task of numbers in 0..1, such as `edges` and `reshading`."""
    return TaskInfo(
        name=name,
        scale=1 / 65534,
        offset=-1 / 65534,  # raw 1 is 0, 65535 is 1
        target_shift=(target_shift,),
        target_scale=(target_scale,),
        source=source,
    )


def curvature_info(
    target_shift: tuple[float, ...] = (0.0,),
    target_scale: tuple[float, ...] = (1.0,),
    source: str = "",
) -> TaskInfo:
    """Returns the task of two principal curvatures, from -512 to 512 to the 64th."""
    return TaskInfo(
        name="curvature",
        channels=2,
        scale=1 / 64,
        offset=-512.0,  # raw 32768 is 0
        unit="1/m, k1 >= k2, positive where the surface bulges towards the camera",
        target_shift=target_shift,
        target_scale=target_scale,
        source=source,
    )


# The kinds of an image's label.
LABEL_KINDS = ("categorical", "multi_hot")


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataInfo:
    """The record of a builder's data.

    Attributes:
      image_size: images and maps are [image_size, image_size].
      tasks: the tasks by name.
      scene_names: the classes of the image label.
      label_kind: `categorical`: an example's `scene` is a number of this list, or -1
        where it is not known; `multi_hot`: a vector [classes] of 0 and 1, all 0 where
        it is not known.
      scene_source: where the image labels come from, if that needs saying.
      notes: anything a user of the data has to know.
    """

    image_size: int
    tasks: Mapping[str, TaskInfo]
    scene_names: tuple[str, ...]
    label_kind: str = "categorical"
    scene_source: str = ""
    notes: str = ""

    def __post_init__(self) -> None:
        """Raises ValueError for labels of no kind, or images without a size."""
        records.choice("label_kind", self.label_kind, LABEL_KINDS)
        if self.image_size < 1:
            raise records.expected("image_size", "a number above 0", self.image_size)

    @property
    def scene_shape(self) -> tuple[int, ...]:
        """The shape of an example's `scene`."""
        return {"categorical": (), "multi_hot": (len(self.scene_names),)}[
            self.label_kind
        ]

    def features(self) -> "tfds.features.FeaturesDict":
        """Returns the feature dictionary that all builders share."""
        size = self.image_size
        maps = {
            task.name: tfds.features.Image(
                shape=(size, size, task.channels),
                dtype=np.dtype(task.dtype),
                encoding_format="png",
            )
            for task in self.tasks.values()
        }
        return tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(
                    shape=(size, size, 3), dtype=np.uint8, encoding_format="png"
                ),
                "name": tfds.features.Text(),
                "scene": tfds.features.Tensor(shape=self.scene_shape, dtype=np.int32),
                **maps,
            }
        )

    def metadata(self) -> "tfds.core.MetadataDict":
        """Returns this record as JSON values, for `DatasetInfo(metadata=…)`."""
        record = dataclasses.asdict(self)
        record["tasks"] = {k: dataclasses.asdict(t) for k, t in self.tasks.items()}
        return tfds.core.MetadataDict(record)

    @classmethod
    def from_metadata(
        cls, record: Any, path: str | os.PathLike = "metadata", remedy: str = ""
    ) -> "DataInfo":
        """Reads what `metadata()` returns, or its JSON form (lists for tuples).

        Args:
          record: the record.
          path: the file that it is from, for messages.
          remedy: what to do if it is no such record, a sentence.

        Raises:
          ValueError: it is none; the message says which field, and what it is.
        """
        return records.build(cls, _tuples(record), path, remedy=remedy)


def _tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _tuples(item) for key, item in value.items()}
    is_list = isinstance(value, list | tuple)
    return tuple(_tuples(item) for item in value) if is_list else value
