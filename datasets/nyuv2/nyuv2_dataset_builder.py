"""NYU Depth V2 as a TFDS data set, from the official file of labelled frames.

python -m mgm_tf.data --dataset=nyuv2 --manual_dir=FOLDER --data_dir=data
tfds build datasets/nyuv2 --config=paper_128 --manual_dir=FOLDER --data_dir=data
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from datasets import builder, metadata, resizing
from datasets.nyuv2 import class_mapping, classes, labeled_mat, normals_images, splits

_CHECKED_FRAMES = 8

Normals = normals_images.NormalsImages | normals_images.NormalsOfDepth


@dataclasses.dataclass(eq=False, kw_only=True)
class Nyuv2Config(tfds.core.BuilderConfig):
    """A split and a size.

    Attributes:
      protocol: `paper`, `official` or `scene`, see `splits`.
      size: images and maps are [size, size].
    """

    protocol: str
    size: int


class Builder(builder.RandomAccessBuilder):
    """NYU Depth V2: 40 classes, depth, normals, 27 types of scenes."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}
    BUILDER_CONFIGS = [
        Nyuv2Config(name=f"{protocol}_{size}", protocol=protocol, size=size)
        for protocol in splits.PROTOCOLS
        for size in (64, 128, 256)
    ]
    DEFAULT_BUILDER_CONFIG_NAME = "paper_128"
    MANUAL_DOWNLOAD_INSTRUCTIONS = (
        f"Put {labeled_mat.FILE_NAME} into the folder given by `manual_dir`. "
        f"{labeled_mat.HOW_TO_GET} Normals, where at hand, belong beside it as "
        f"{normals_images.FOLDER}/0001.png … {normals_images.FOLDER}/1449.png."
    )

    def _info(self) -> tfds.core.DatasetInfo:
        info = self._data_info(source="", notes="")
        return self.dataset_info_from_configs(
            features=info.features(),
            homepage="https://cs.nyu.edu/~fergus/datasets/nyu_depth_v2.html",
            metadata=info.metadata(),
        )

    def _data_info(self, source: str, notes: str) -> metadata.DataInfo:
        """Returns what the data are; `source`: where the normals come from."""
        tasks = (
            metadata.segmentation_info(classes.CLASS_NAMES, classes.class_colors()),
            metadata.depth_info(source="inpainted depth of the file"),
            metadata.normals_info(source=source),
        )
        return metadata.DataInfo(
            image_size=self.builder_config.size,
            tasks={task.name: task for task in tasks},
            scene_names=classes.SCENE_NAMES,
            notes=notes,
        )

    def _split_generators(
        self, dl_manager: tfds.download.DownloadManager
    ) -> dict[str, Iterator[tuple[str, dict]]]:
        folder = pathlib.Path(dl_manager.manual_dir)
        normals = normals_images.find_normals(folder)
        with labeled_mat.LabeledMat(folder / labeled_mat.FILE_NAME) as mat:
            _check_scenes(mat)
            table = _class_table(folder, mat)
            parts = _parts(self.builder_config.protocol, mat)
            some = np.unique(np.linspace(0, mat.frames - 1, _CHECKED_FRAMES, dtype=int))
            normals.check((i, mat.frame(i).depth) for i in some)
        self.expect({name: len(indices) for name, indices in parts.items()})
        # Only now is it known what the folder holds.
        info = self._data_info(
            normals.source, _notes(parts, normals.source, self.builder_config.protocol)
        )
        self.info.metadata.update(info.metadata())
        return {
            name: self._generate_examples(mat.path, indices, table, normals)
            for name, indices in parts.items()
        }

    def _generate_examples(
        self,
        path: pathlib.Path,
        indices: np.ndarray,
        table: np.ndarray,
        normals: Normals,
    ) -> Iterator[tuple[str, dict]]:
        info = metadata.DataInfo.from_metadata(self.info.metadata)
        with labeled_mat.LabeledMat(path) as mat:
            for index in indices:
                name = f"{index + 1:04d}"
                frame = mat.frame(index)
                vectors = normals(index, frame.depth)
                try:
                    maps = _label_maps(info, frame, table, vectors)
                except ValueError as error:
                    raise ValueError(f"{path}: frame {index + 1}: {error}") from error
                yield (
                    name,
                    {
                        "image": resizing.resize_image(frame.image, info.image_size),
                        "name": name,
                        "scene": classes.SCENE_NAMES.index(frame.scene_type),
                        **maps,
                    },
                )


def _parts(protocol: str, mat: labeled_mat.LabeledMat) -> dict[str, np.ndarray]:
    """Returns the indices of the frames of each split."""
    if protocol in splits.BY_SCENE:
        return splits.BY_SCENE[protocol](mat.scenes(), mat.scene_types)
    return splits.BY_FRAME[protocol](mat.frames)


def _label_maps(
    info: metadata.DataInfo,
    frame: labeled_mat.Frame,
    table: np.ndarray,
    normals_and_valid: tuple[np.ndarray, np.ndarray],
) -> dict[str, np.ndarray]:
    """Returns the raw maps [size, size, channels] of a frame by task."""
    size = info.image_size
    depth = resizing.resize_nearest(frame.depth, size)
    normals, valid = normals_and_valid
    return {
        "segmentation": table[resizing.resize_nearest(frame.labels, size)][..., None],
        "depth": info.tasks["depth"].encode(depth, depth > 0),
        "normals": info.tasks["normals"].encode(
            *resizing.resize_normals(normals, valid, size)
        ),
    }


def _class_table(folder: pathlib.Path, mat: labeled_mat.LabeledMat) -> np.ndarray:
    """Returns the class of each label id, from `classMapping40.mat` if it is there."""
    mapping = folder / "classMapping40.mat"
    if mapping.exists():
        return class_mapping.read_class_table(mapping, mat.class_names)
    try:
        return classes.class_table(mat.class_names)
    except ValueError as error:
        raise ValueError(f"{mat.path}: {error}") from error


def _check_scenes(mat: labeled_mat.LabeledMat) -> None:
    for number, scene in enumerate(mat.scene_types, start=1):
        if scene not in classes.SCENE_NAMES:
            raise ValueError(
                f"{mat.path}: frame {number} is of the unknown scene type {scene!r}; "
                f"expected one of {', '.join(classes.SCENE_NAMES)}."
            )


def _notes(parts: Mapping[str, np.ndarray], source: str, protocol: str) -> str:
    """Returns what a user of these data has to know."""
    sizes = ", ".join(f"{len(indices)} {name}" for name, indices in parts.items())
    frames = sum(map(len, parts.values()))
    by_scene = ", no recording is in two" if protocol in splits.BY_SCENE else ""
    partial = (
        ""
        if frames == splits.OFFICIAL_FRAMES
        else f" The file holds {frames} of {splits.OFFICIAL_FRAMES} frames, split in "
        "the paper's proportions and numbered by their place in the file."
    )
    return f"{frames} frames: {sizes}{by_scene}. Normals: {source}.{partial}"
