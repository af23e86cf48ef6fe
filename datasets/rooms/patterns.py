"""The table of patterns that a material can name."""

from collections.abc import Callable

import numpy as np

from datasets.rooms import fronts, textures
from datasets.rooms.textures import Material, Surface

PATTERNS: dict[str, Callable[[Material, Surface], np.ndarray]] = {
    "plain": textures.plain,
    "wood": textures.wood,
    "planks": textures.planks,
    "tiles": textures.tiles,
    "checker": textures.checker,
    "bricks": textures.bricks,
    "carpet": textures.carpet,
    "stripes": textures.stripes,
    "plaid": textures.plaid,
    "dots": textures.dots,
    "folds": textures.folds,
    "rug": textures.rug,
    "speckle": textures.speckle,
    "doors": fronts.doors,
    "drawers": fronts.drawers,
    "panels": fronts.panels,
    "books": fronts.books,
    "landscape": fronts.landscape,
    "abstract": fronts.abstract,
    "view": fronts.view,
    "screen": fronts.screen,
    "writing": fronts.writing,
    "oven": fronts.oven,
    "washer": fronts.washer,
    "keys": fronts.keys,
}


def paint(material: Material, surface: Surface) -> np.ndarray:
    """Returns the display colour [3, n], 0..1, float32, of a material on a surface."""
    color = PATTERNS[material.pattern](material, surface)
    count = surface.normal.shape[1]
    return np.clip(np.broadcast_to(color, (3, count)), 0, 1).astype(np.float32)
