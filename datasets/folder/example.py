"""Draws a small folder of made-up photographs with labels, to try the program on.

python -m datasets.folder.example --output=DIR [--images=24] [--size=96]

Beaches, meadows and streets with trees, houses and balls on flat ground, cast ray by
ray, so that depth and normals are exact. As with labels of one's own, not every image
has all of them.
"""

import dataclasses
import json
import pathlib

import numpy as np
from absl import app, flags
from PIL import Image

from datasets.files import streams
from datasets.folder import contents

CLASSES = {  # name: colour in pictures
    "sky": "#87ceeb",
    "ground": "#b8a070",
    "tree": "#228b22",
    "house": "#b03060",
    "ball": "#ff8c00",
}
_NUMBER = {name: number for number, name in enumerate(CLASSES)}
IGNORED = 255

CAMERA_HEIGHT = 1.6
FARTHEST = 60.0
_FOCAL = 0.9  # in widths of the image
_LIGHT = np.array([-0.5, 0.7, 0.5]) / np.linalg.norm([-0.5, 0.7, 0.5])
_SHARP = 2  # pictures are drawn at twice their size and shrunk


@dataclasses.dataclass(frozen=True)
class Look:
    """The look of a kind of scene.

    Attributes:
      ground, sky: the colours of ground and sky.
      things: the (lowest, highest) number of each thing.
    """

    ground: tuple[int, int, int]
    sky: tuple[int, int, int]
    things: dict[str, tuple[int, int]]


LOOKS = {
    "beach": Look(
        (225, 200, 140),
        (95, 170, 235),
        {"tree": (0, 0), "house": (0, 1), "ball": (1, 3)},
    ),
    "meadow": Look(
        (95, 150, 60),
        (150, 195, 240),
        {"tree": (2, 4), "house": (0, 1), "ball": (0, 1)},
    ),
    "street": Look(
        (105, 105, 110),
        (185, 190, 200),
        {"tree": (0, 1), "house": (2, 4), "ball": (0, 1)},
    ),
}


@dataclasses.dataclass(frozen=True)
class Body:
    """A ball or a box.

    Attributes:
      label: the class number.
      color: the colour (red, green, blue).
      center: the centre: x right, y up, z towards the camera, which is at 0; metres.
      half: the radius of a ball; half the edges of a box.
    """

    label: int
    color: np.ndarray
    center: np.ndarray
    half: float | np.ndarray

    def hit(self, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns where rays [H, W, 3] from 0 hit: (factors [H, W] or inf, normals)."""
        is_ball = np.ndim(self.half) == 0
        return self._hit_ball(rays) if is_ball else self._hit_box(rays)

    def _hit_ball(self, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a = (rays**2).sum(-1)
        b = rays @ self.center
        root = b**2 - a * (self.center @ self.center - self.half**2)
        factor = np.where(root > 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)
        points = rays * np.where(root > 0, factor, 0)[..., None]
        return factor, (points - self.center) / self.half

    def _hit_box(self, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ends = np.stack([self.center - self.half, self.center + self.half])
        planes = ends[:, None, None] / np.where(np.abs(rays) < 1e-9, 1e-9, rays)
        near, far = planes.min(0), planes.max(0)
        factor = near.max(-1)
        inside = (factor < far.min(-1)) & (factor > 0)
        normals = np.eye(3)[near.argmax(-1)] * -np.sign(rays)
        return np.where(inside, factor, np.inf), normals


def scene_of(index: int) -> str:
    """Returns the label of an image: kinds of scenes take turns."""
    return list(LOOKS)[index % len(LOOKS)]


def draw(index: int, size: int) -> dict[str, np.ndarray]:
    """Draws an image and its labels; a function of its number.

    Returns:
      `image` [size, size, 3] uint8; `segmentation` [size, size] uint8, 255 between two
      things; `depth` [size, size] metres, 0 where there is nothing; `normals`
      [size, size, 3], 0 where there is nothing.
    """
    random = np.random.default_rng([2021, index])
    look = LOOKS[scene_of(index)]
    horizon = random.uniform(0.35, 0.5)
    bodies = _bodies(random, look)
    tint = random.uniform(0.85, 1.1)
    large = _cast(bodies, look, horizon, _SHARP * size)
    noise = np.random.default_rng([2022, index]).normal(0, 4, (size, size, 1))
    blocks = large["color"].reshape(size, _SHARP, size, _SHARP, 3).mean((1, 3))
    small = _cast(bodies, look, horizon, size)
    labels = small["labels"]
    between = np.zeros_like(labels, bool)
    between[:-1] |= labels[:-1] != labels[1:]
    between[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    return {
        "image": np.clip(tint * blocks + noise, 0, 255).astype(np.uint8),
        "segmentation": np.where(between, IGNORED, labels).astype(np.uint8),
        "depth": small["depth"],
        "normals": small["normals"],
    }


def _bodies(random: np.random.Generator, look: Look) -> list[Body]:
    bodies = []
    for name, (lowest, highest) in look.things.items():
        for _ in range(random.integers(lowest, highest + 1)):
            distance = random.uniform(4, 14)
            place = np.array([random.uniform(-0.5, 0.5) * distance, 0, -distance])
            place[1] = -CAMERA_HEIGHT
            bodies += _THINGS[name](random, place)
    return bodies


def _tree(random: np.random.Generator, place: np.ndarray) -> list[Body]:
    trunk, crown = random.uniform(0.8, 1.4), random.uniform(0.7, 1.2)
    up = np.array([0, 1, 0])
    green = np.array([40, random.integers(90, 140), 35])
    label = _NUMBER["tree"]
    half = np.array([0.15, trunk / 2, 0.15])
    return [
        Body(label, np.array([95, 65, 40]), place + up * trunk / 2, half),
        Body(label, green, place + up * (trunk + 0.8 * crown), crown),
    ]


def _house(random: np.random.Generator, place: np.ndarray) -> list[Body]:
    half = random.uniform((0.8, 1.0, 0.8), (1.8, 2.2, 1.6))
    color = random.integers((130, 60, 50), (220, 130, 110))
    center = place + np.array([0, half[1], -half[2]])
    return [Body(_NUMBER["house"], color, center, half)]


def _ball(random: np.random.Generator, place: np.ndarray) -> list[Body]:
    radius = random.uniform(0.3, 0.6)
    # Nearer than other things, to be seen.
    near = place * np.array([0.6, 1, 0.6])
    color = random.permutation([240, 200, 30])
    return [Body(_NUMBER["ball"], color, near + np.array([0, radius, 0]), radius)]


_THINGS = {"tree": _tree, "house": _house, "ball": _ball}


def _cast(
    bodies: list[Body], look: Look, horizon: float, size: int
) -> dict[str, np.ndarray]:
    """Colours, class numbers, depth and normals of all pixels."""
    places = (np.arange(size) + 0.5) / size
    across, up = np.meshgrid((places - 0.5) / _FOCAL, (horizon - places) / _FOCAL)
    rays = np.stack([across, up, -np.ones_like(up)], -1)  # its factor is the depth
    with np.errstate(divide="ignore"):
        depth = np.where(up < 0, -CAMERA_HEIGHT / up, np.inf)
    labels = np.where(up < 0, _NUMBER["ground"], _NUMBER["sky"])
    normals = np.broadcast_to([0.0, 1.0, 0.0], rays.shape)
    color = np.broadcast_to(np.array(look.ground, float), rays.shape)
    for body in bodies:
        factor, facing = body.hit(rays)
        nearer = factor < depth
        depth = np.where(nearer, factor, depth)
        labels = np.where(nearer, body.label, labels)
        normals = np.where(nearer[..., None], facing, normals)
        color = np.where(nearer[..., None], body.color, color)
    is_sky = labels == _NUMBER["sky"]
    light = 0.45 + 0.6 * np.maximum(normals @ _LIGHT, 0)
    haze = np.exp(-np.where(is_sky, 0, depth) / 40)[..., None]
    lit = color * light[..., None] * haze + np.array(look.sky) * (1 - haze)
    brightness = 1 - 0.25 * np.clip((horizon - places) / horizon, 0, 1)
    sky = np.array(look.sky) * brightness[:, None, None]
    # So far away, a pixel is much ground: nobody would measure it.
    known = ~is_sky & (depth < FARTHEST)
    return {
        "color": np.where(is_sky[..., None], sky, lit),
        "labels": labels,
        "depth": np.where(known, depth, 0),
        "normals": np.where(known[..., None], normals, 0),
    }


def write(folder: pathlib.Path, images: int, size: int) -> None:
    """Writes the folder: every fourth image of a scene has its label and no more.

    Raises:
      FileExistsError: the folder holds something already.
      ValueError: too few or too small images.
    """
    if images < 12 or size < 32:
        raise ValueError(
            f"Expected at least 12 images of 32 pixels; received {images} of {size}."
        )
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} holds something already.")
    scenes = ["name,label"]
    for index in range(images):
        name = f"{scene_of(index)}/{index:03d}"
        if index != 1:  # one image has no label
            scenes.append(f"{name},{scene_of(index)}")
        arrays = draw(index, size)
        suffix = "jpg" if index % 2 else "png"
        _save(folder / contents.IMAGES / f"{name}.{suffix}", arrays["image"])
        for task, values in _maps(index, arrays).items():
            _save(folder / task / f"{name}.png", values)
    colors = "".join(f"{name}, {color}\n" for name, color in CLASSES.items())
    (folder / contents.CLASSES).write_text(colors)
    (folder / contents.SCENES).write_text("\n".join(scenes) + "\n")
    (folder / contents.SETTINGS).write_text(json.dumps(_SETTINGS, indent=2) + "\n")


_SETTINGS = {
    "segmentation": {"ignore": IGNORED},
    "depth": {"unit": "mm", "missing": 0},
    "normals": {"axes": ["right", "up", "toward"], "missing": 0},
    "notes": "Made up by datasets/folder/example.py.",
}


def _maps(index: int, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the label maps that an image has, as they are written."""
    number = index // len(LOOKS)  # among those of its scene
    if number % 4 == 3:
        return {}
    maps = {"segmentation": arrays["segmentation"]}
    if number % 3 != 1:
        maps["depth"] = np.round(1000 * arrays["depth"]).astype(np.uint16)
    if number % 2 == 0:
        known = arrays["normals"].any(-1, keepdims=True)
        coded = np.round((arrays["normals"] + 1) * 127.5)
        maps["normals"] = np.where(known, coded, 0).astype(np.uint8)
    return maps


def _save(path: pathlib.Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, quality=92)


def define_flags() -> None:
    """Defines the flags of this command."""
    flags.DEFINE_string(
        "output",
        None,
        "The folder into which the example of a data set is written.",
        required=True,
    )
    flags.DEFINE_integer(
        "images", 24, "The number of images in the folder.", lower_bound=12
    )
    flags.DEFINE_integer(
        "size", 96, "The height and width of an image in pixels.", lower_bound=32
    )


def main(arguments: list[str]) -> None:
    """Writes the folder of the flags."""
    options = flags.FLAGS
    if len(arguments) > 1:
        raise app.UsageError(f"Unknown argument: {arguments[1]}.")
    try:
        write(pathlib.Path(options.output).expanduser(), options.images, options.size)
    except OSError as error:
        raise app.UsageError(str(error)) from error
    print(f"{options.images} images are in {options.output}.")


if __name__ == "__main__":
    streams.prepare()
    define_flags()
    app.run(main)
