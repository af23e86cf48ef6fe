"""Images of a run's generator: grids by class, and what is between two of them.

grid.png              a row for each class, the same noise in each column
between_classes.png   a row from each class to the next, of one noise
between_noise.png     a row for each class, from one noise to another
images/CLASS/000.png  each image of the grid by itself
"""

import dataclasses
import pathlib
import re
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mgm_tf.export.sampler import Sampler
from mgm_tf.files import whole
from mgm_tf.plotting import panels, terminal

GRID, BETWEEN_CLASSES, BETWEEN_NOISE = (
    "grid.png",
    "between_classes.png",
    "between_noise.png",
)
IMAGES = "images"


@dataclasses.dataclass(frozen=True)
class Generated:
    """What is sampled of a generator.

    Attributes:
      sampler: the generator.
      titles: the names of the classes, or of the labels.
      conditions: their condition vectors, float32 [rows, classes].
      seed: the seed of the noise.
      batch_size: the number of images that are generated at a time.
    """

    sampler: Sampler
    titles: tuple[str, ...]
    conditions: np.ndarray
    seed: int = 0
    batch_size: int = 16

    def grid(self, columns: int) -> np.ndarray:
        """Returns images uint8 [rows, columns, S, S, 3], of one noise a column."""
        noise = self._noise(columns)
        rows = len(self.titles)
        return self._images(
            np.repeat(self.conditions[:, None], columns, axis=1),
            np.repeat(noise[None], rows, axis=0),
        )

    def between_classes(self, steps: int) -> np.ndarray:
        """Returns images uint8 [rows, steps, S, S, 3] from each class to the next.

        The last row comes back to the first class.
        """
        share = np.linspace(0, 1, steps, dtype=np.float32)[None, :, None]
        others = np.roll(self.conditions, -1, axis=0)
        between = (1 - share) * self.conditions[:, None] + share * others[:, None]
        noise = np.broadcast_to(self._noise(1), (*between.shape[:2], self._size))
        return self._images(between, noise)

    def between_noise(self, steps: int) -> np.ndarray:
        """Returns images uint8 [rows, steps, S, S, 3] from one noise to another.

        On the arc between them, on which noise stays as long as it is.
        """
        first, last = self._noise(2)
        arc = between(first, last, steps)
        rows = len(self.titles)
        return self._images(
            np.repeat(self.conditions[:, None], steps, axis=1),
            np.repeat(arc[None], rows, axis=0),
        )

    @property
    def _size(self) -> int:
        return self.sampler.latents.size

    def _noise(self, number: int) -> np.ndarray:
        random = np.random.default_rng(self.seed)
        return random.standard_normal((number, self._size)).astype(np.float32)

    def _images(self, conditions: np.ndarray, noise: np.ndarray) -> np.ndarray:
        shape = conditions.shape[:2]
        flat = [values.reshape(-1, values.shape[-1]) for values in (conditions, noise)]
        parts = []
        for start in range(0, len(flat[0]), self.batch_size):
            batch = [values[start : start + self.batch_size] for values in flat]
            parts.append(self.sampler.images(*map(tf.constant, batch)).numpy())
        images = np.concatenate(parts)
        return images.reshape(*shape, *images.shape[1:])


def between(first: np.ndarray, last: np.ndarray, steps: int) -> np.ndarray:
    """Returns vectors [steps, size] on the arc from one vector to another.

    Spherical interpolation (Shoemake, 1985); where the two point the same way, or one
    is zero, the straight line.
    """
    share = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    lengths = np.linalg.norm(first) * np.linalg.norm(last)
    cosine = np.clip(np.dot(first, last) / lengths, -1, 1) if lengths else 1.0
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-6:
        return (1 - share) * first + share * last
    start, end = np.sin((1 - share) * angle), np.sin(share * angle)
    return ((start * first + end * last) / np.sin(angle)).astype(np.float32)


def write(
    generated: Generated, output: pathlib.Path, number: int, steps: int, overwrite: bool
) -> list[pathlib.Path]:
    """Writes grids and images.

    Args:
      generated: what is sampled.
      output: the folder.
      number: the number of images of a class.
      steps: the number of images of a row between two.
      overwrite: whether what is there is replaced.

    Returns:
      The paths of the grids.

    Raises:
      ValueError: there are files of these names, or `output` is a file.
    """
    names = (GRID, BETWEEN_CLASSES, BETWEEN_NOISE, IMAGES)
    existing = [output / name for name in names if (output / name).exists()]
    if existing and not overwrite:
        raise ValueError(
            f"{existing[0]} is there already: --overwrite replaces what has the same "
            "name, or choose another output folder."
        )
    if output.exists() and not output.is_dir():
        raise ValueError(f"Expected a folder for the results: {output} is a file.")
    whole.make_folder(output)
    grid = generated.grid(number)
    rows = {
        GRID: (grid, generated.titles),
        BETWEEN_CLASSES: (generated.between_classes(steps), _pairs(generated.titles)),
        BETWEEN_NOISE: (generated.between_noise(steps), generated.titles),
    }
    for name, (images, titles) in rows.items():
        picture = panels.image_grid([list(row) for row in images], titles)
        whole.write_picture(output / name, picture)
    folders = [output / IMAGES / name for name in folder_names(generated.titles)]
    progress = terminal.Progress("writing", grid.shape[0] * number, "images", delay=2)
    with progress:
        for folder, row in zip(folders, grid, strict=True):
            whole.make_folder(folder)
            for place, image in enumerate(row):
                whole.write_picture(folder / f"{place:03}.png", image)
                progress.update()
    return [output / name for name in rows]


def folder_names(titles: Sequence[str]) -> list[str]:
    """Returns a name for the folder of each title; numbered where two are alike."""
    names = [re.sub(r"[^\w.-]+", "_", title).strip("._") or "class" for title in titles]
    folded = [name.casefold() for name in names]
    return [
        name if folded.count(name.casefold()) == 1 else f"{name}_{place}"
        for place, name in enumerate(names)
    ]


def _pairs(titles: Sequence[str]) -> list[str]:
    following = [*titles[1:], *titles[:1]]
    return [f"{a} to {b}" for a, b in zip(titles, following, strict=True)]
