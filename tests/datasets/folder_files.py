"""Small folders of labelled pictures, for the tests of `datasets/folder`."""

import json
import pathlib
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from datasets.folder.folder_dataset_builder import Builder

HEIGHT, WIDTH = 48, 64
NAMES = tuple(f"p{number:02d}" for number in range(10))
CLASSES = ("wall", "floor, #0a141e", "ball")


def save(path: pathlib.Path, values: np.typing.ArrayLike) -> pathlib.Path:
    """Writes an array as what the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(values)
    if path.suffix == ".npy":
        np.save(path, values)
    else:
        Image.fromarray(values).save(path)
    return path


def image(number: int) -> np.ndarray:
    """A picture of one colour, which tells the number."""
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    picture[...] = (10 * number, 200, 255 - 10 * number)
    return picture


def classes() -> np.ndarray:
    """Wall above floor; one pixel in the corner is ignored."""
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[HEIGHT // 2 :] = 1
    ids[0, 0] = 255
    return ids


def depth() -> np.ndarray:
    """2.5 m on the left in millimetres; nothing known on the right."""
    values = np.full((HEIGHT, WIDTH), 2500, np.uint16)
    values[:, WIDTH // 2 :] = 0
    return values


def normals() -> np.ndarray:
    """(0, 0, 1) above, (0, 1, 0) below, in 8 bits."""
    values = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    values[: HEIGHT // 2, :, 2] = 255
    values[HEIGHT // 2 :, :, 1] = 255
    return values


def write(folder: pathlib.Path, **tables: str) -> pathlib.Path:
    """Writes ten pictures with classes and depth; seven of them have a scene.

    Args:
      folder: to be made.
      tables: contents of the tables, `scenes`, `classes`, `splits`, `dataset`; an empty
        text leaves out the file.
    """
    texts = {
        "scenes": "name,label\n" + "".join(f"{n},inside\n" for n in NAMES[:7]),
        "classes": "\n".join(CLASSES) + "\n",
        "splits": "",
        "dataset": "",
    } | tables
    for number, name in enumerate(NAMES):
        save(folder / "rgb" / f"{name}.png", image(number))
        save(folder / "segmentation" / f"{name}.png", classes())
        save(folder / "depth" / f"{name}.png", depth())
    files = {
        "scenes": "scenes.csv",
        "classes": "classes.txt",
        "splits": "splits.csv",
        "dataset": "dataset.json",
    }
    for table, text in texts.items():
        if text:
            (folder / files[table]).write_text(text)
    return folder


def settings(folder: pathlib.Path, **record: object) -> None:
    """Writes `dataset.json`."""
    (folder / "dataset.json").write_text(json.dumps(record))


def build(folder: pathlib.Path, config: str = "64", **attributes: Any) -> Builder:
    """Builds the data set of the folder beside it."""
    builder = Builder(config=config, data_dir=folder.parent / "data")
    for name, value in attributes.items():
        setattr(builder, name, value)
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(manual_dir=folder)
    )
    return builder
