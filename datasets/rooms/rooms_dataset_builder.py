"""The builder of Rooms: `Builder(config="128", data_dir=…).download_and_prepare()`."""

import dataclasses
from collections.abc import Iterator

import tensorflow_datasets as tfds

from datasets import builder
from datasets.rooms import labels, rooms


@dataclasses.dataclass(eq=False, kw_only=True)
class RoomsConfig(tfds.core.BuilderConfig):
    """The size and the number of the pictures.

    Attributes:
      image_size: height and width in pixels.
      train_examples, validation_examples, test_examples: the rooms of each split.
      seed: the seed; rooms are a function of (seed, split, index) alone, so that fewer
        rooms of the same seed are the first of many.
    """

    image_size: int = 128
    train_examples: int = 2000
    validation_examples: int = 200
    test_examples: int = 200
    seed: int = 0

    @property
    def sizes(self) -> dict[str, int]:
        """Rooms by split."""
        counts = self.train_examples, self.validation_examples, self.test_examples
        return dict(zip(rooms.SPLITS, counts, strict=True))


class Builder(builder.RandomAccessBuilder):
    """Procedural rooms with exact labels; nothing is downloaded."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [  # [PROTOCOL_]SIZE
        RoomsConfig(name="128", description="128 pixels, 2000/200/200 rooms."),
        RoomsConfig(name="64", image_size=64, description="The same rooms, 64 pixels."),
        RoomsConfig(name="256", image_size=256, description="The same, 256 pixels."),
        *(
            RoomsConfig(
                name=f"demo_{size}",
                image_size=size,
                train_examples=800,
                validation_examples=100,
                test_examples=100,
                description=f"The first 800/100/100 rooms of {size}.",
            )
            for size in (64, 128)
        ),
        *(
            RoomsConfig(
                name=f"smoke_{size}",
                image_size=size,
                train_examples=120,
                validation_examples=12,
                test_examples=12,
                description=f"The first 120/12/12 rooms of {size}.",
            )
            for size in (64, 128, 256)
        ),
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "128"

    def _info(self) -> tfds.core.DatasetInfo:
        """Returns features and metadata as `datasets.metadata` has them."""
        info = labels.data_info(self.builder_config.image_size, rooms.TYPE_NAMES)
        return self.dataset_info_from_configs(
            features=info.features(),
            metadata=info.metadata(),
            disable_shuffling=True,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[int, dict]]]:
        """Returns one generator a split; there is nothing to download."""
        self.expect(self.builder_config.sizes)
        return {
            split: self._generate_examples(split, count)
            for split, count in self.builder_config.sizes.items()
        }

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict]]:
        """Yields (index, example); types take turns."""
        config = self.builder_config
        for index in range(count):
            yield index, example_of(config.seed, split, index, config.image_size)


def example_of(seed: int, split: str, index: int, size: int) -> dict:
    """Returns an example as stored: picture, name, type and coded label maps."""
    picture = rooms.room_of(seed, split, index, size)
    tasks = labels.data_info(size, rooms.TYPE_NAMES).tasks
    # A cone's curvature has no bound at its tip; what can be stored has one.
    ends = tasks["curvature"].physical_range
    maps = picture.maps | {"curvature": picture.maps["curvature"].clip(*ends)}
    return {
        "image": picture.image,
        "name": f"{picture.scene_name}_{split}_{index:05d}",
        "scene": picture.scene,
        **{name: tasks[name].encode(maps[name]) for name in tasks},
    }
