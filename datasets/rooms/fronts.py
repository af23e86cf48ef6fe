"""Patterns that are pictures of things: doors, drawers, books, paintings, screens.

Each fills the face it is on: coordinates a, b run over -1..1 from edge to edge.
"""

import numpy as np

from datasets.rooms.textures import Material, Surface, cells, clouds, mix


def _across(s: Surface) -> tuple[np.ndarray, np.ndarray]:
    return s.u / s.extent[0], s.v / s.extent[1]


def _edge(distance: np.ndarray, width: float | np.ndarray) -> np.ndarray:
    return np.abs(distance) < width


def _shade(color: np.ndarray, *dark: np.ndarray) -> np.ndarray:
    """Darkens `color` wherever one of the masks is set."""
    return color * np.where(np.any(np.broadcast_arrays(*dark), axis=0), 0.55, 1.0)


def _wooden(m: Material, s: Surface) -> np.ndarray:
    grain = clouds(s.u * 10, s.v, 0.05, m.seed)
    return mix(m.first, m.second, 0.35 * grain)


def doors(m: Material, s: Surface) -> np.ndarray:
    """Paints cupboard doors about `scale` wide, each with a handle at its side."""
    count = np.maximum(np.round(2 * s.extent[0] / m.scale), 1)
    place = (s.u / s.extent[0] + 1) / 2 * count
    inside = place - np.floor(place)
    seam = (inside < 0.03) | (inside > 0.97) | (np.abs(s.v) > s.extent[1] - 0.012)
    left = np.floor(place) % 2 == 0
    side = np.where(left, 1 - inside, inside) * m.scale
    handle = _edge(side - 0.06, 0.013) & _edge(s.v, 0.09)
    return np.where(handle, 0.25, _shade(_wooden(m, s), seam))


def drawers(m: Material, s: Surface) -> np.ndarray:
    """Paints drawers about `scale` high with a handle in the middle of each."""
    count = np.maximum(np.round(2 * s.extent[1] / m.scale), 1)
    place = (s.v / s.extent[1] + 1) / 2 * count
    inside = place - np.floor(place)
    seam = (inside < 0.06) | (np.abs(s.u) > s.extent[0] - 0.012)
    handle = _edge(inside - 0.55, 0.07) & _edge(s.u, 0.08)
    return np.where(handle, 0.25, _shade(_wooden(m, s), seam))


def panels(m: Material, s: Surface) -> np.ndarray:
    """Paints a room door: two columns of sunk panels, and a handle."""
    a, b = _across(s)
    x = np.abs(np.abs(a) - 0.48)
    y = np.abs(np.abs(b) - 0.47)
    rim = _edge(np.maximum(x / 0.33, y / 0.36) - 1, 0.09)
    handle = _edge(a - 0.84, 0.07) & _edge(b + 0.05, 0.012)
    frame = np.abs(a) > 0.95
    return np.where(handle, 0.15, _shade(_wooden(m, s), rim, frame))


def books(m: Material, s: Surface) -> np.ndarray:
    """Paints spines, about `scale` wide, of all colours."""
    place = s.u / m.scale + 0.35 * clouds(s.u, 0 * s.u, 0.02, m.seed)
    i = np.floor(place)
    inside = place - i
    tone = 0.2 + 0.7 * cells(i, 0 * i + 7, m.seed)
    dull = 0.25 + 0.5 * cells(i, 0 * i + 4, m.seed)
    hues = np.stack([cells(i, 0 * i + k, m.seed) for k in range(3)])
    color = tone * (1 - dull * hues)
    label = _edge(s.v / s.extent[1] - cells(i, 0 * i + 5, m.seed) + 0.5, 0.12)
    label &= _edge(inside - 0.5, 0.35)
    color = np.where(label, 0.5 * color + 0.42, color)
    return color * np.where((inside < 0.1) | (inside > 0.92), 0.4, 1.0)


def landscape(m: Material, s: Surface) -> np.ndarray:
    """Paints a framed painting: sky, hills, and a disc of sun."""
    a, b = _across(s)
    base = 0.25 * (cells(np.zeros(1), np.zeros(1), m.seed) - 0.5)
    hill = base + 0.5 * (clouds(a + 2, 0 * a, 0.02, m.seed) - 0.5)
    sky = mix(m.first, (0.95, 0.93, 0.85), 0.5 - 0.5 * b)
    land = mix(m.second, (0.15, 0.2, 0.15), 0.4 * clouds(a, b, 0.01, m.seed))
    sun = (a - 0.4) ** 2 + (b - 0.55) ** 2 < 0.03
    picture = np.where(b < hill, land, np.where(sun, 0.98, sky))
    return _framed(picture, a, b)


def abstract(m: Material, s: Surface) -> np.ndarray:
    """Paints a framed painting of coloured blocks."""
    a, b = _across(s)
    i, j = np.floor(a * 1.5 + 9), np.floor(b * 1.5 + 9)
    block = mix(m.first, m.second, cells(i, j, m.seed))
    line = (np.minimum((a * 1.5) % 1, (b * 1.5) % 1) < 0.06)[None]
    return _framed(
        np.where(line, 0.08, block * (0.6 + 0.5 * cells(j, i, m.seed))), a, b
    )


def _framed(picture: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    border = np.maximum(np.abs(a), np.abs(b))
    mat = np.where(border > 0.76, 0.93, picture)
    return np.where(border > 0.9, 0.14, mat)


def view(m: Material, s: Surface) -> np.ndarray:
    """Paints the view from a window: sky above trees, and the glazing bars."""
    a, b = _across(s)
    trees = -0.25 + 0.5 * clouds(a + 3, 0 * a, 0.01, m.seed)
    sky = mix(m.first, (1.0, 1.0, 1.0), 0.45 - 0.45 * b)
    leaves = mix((0.22, 0.36, 0.16), (0.4, 0.5, 0.25), clouds(a, b, 0.012, m.seed))
    out = np.where(b < trees, leaves, sky)
    bars = _edge(s.u, 0.018) | _edge(b - 0.25, 0.03)
    frame = (np.abs(s.u) > s.extent[0] - 0.05) | (np.abs(s.v) > s.extent[1] - 0.05)
    return np.where(bars | frame, 0.8, out)


def screen(m: Material, s: Surface) -> np.ndarray:
    """Paints a television or monitor that is on, or off (dark first colour)."""
    a, b = _across(s)
    picture = mix(m.first, m.second, clouds(a, b, 0.02, m.seed)) * (0.8 + 0.2 * b)
    bezel = (np.abs(s.u) > s.extent[0] - 0.02) | (np.abs(s.v) > s.extent[1] - 0.02)
    return np.where(bezel, 0.03, picture)


def writing(m: Material, s: Surface) -> np.ndarray:
    """Paints a board with lines of writing."""
    a, b = _across(s)
    line = np.floor((b + 1) * 6)
    row = (b + 1) * 6 - line
    stroke = cells(np.floor(s.u / 0.025), line, m.seed) > 0.45
    length = 0.9 * cells(line, 0 * line, m.seed + 3) - 0.1
    used = (a > -0.9) & (a < length) & (b > -0.3) & (b < 0.85)
    ink = used & stroke & _edge(row - 0.5, 0.22)
    frame = (np.abs(s.u) > s.extent[0] - 0.03) | (np.abs(s.v) > s.extent[1] - 0.03)
    return np.where(frame, 0.45, mix(m.first, m.second, ink))


def oven(m: Material, s: Surface) -> np.ndarray:
    """Paints an oven front: a dark pane, a bar to pull it, and a row of knobs."""
    a, b = _across(s)
    pane = _edge(a, 0.72) & _edge(b + 0.22, 0.42)
    bar = _edge(a, 0.8) & _edge(b - 0.38, 0.03)
    knobs = _edge((a * 2.5) % 1 - 0.5, 0.2) & _edge(b - 0.78, 0.09) & _edge(a, 0.8)
    color = mix(m.first, m.first, 0 * a)
    return np.where(pane | knobs, 0.06, np.where(bar, 0.75, color))


def washer(m: Material, s: Surface) -> np.ndarray:
    """Paints a washing machine's front above its round door: drawer, dial, display."""
    a, b = _across(s)
    seam = _edge(b - 0.66, 0.012) | (np.abs(b) > 0.985) | (np.abs(a) > 0.985)
    drawer = _edge(a + 0.6, 0.3) & _edge(b - 0.82, 0.1)
    dial = (s.u / 0.045) ** 2 + ((s.v - 0.82 * s.extent[1]) / 0.045) ** 2 < 1
    display = _edge(a - 0.6, 0.22) & _edge(b - 0.82, 0.07)
    color = _shade(mix(m.first, m.first, 0 * a), seam)
    return np.where(dial | display, 0.12, np.where(drawer, 0.9 * color, color))


def keys(m: Material, s: Surface) -> np.ndarray:
    """Paints a keyboard."""
    a, b = (s.u / 0.022) % 1, (s.v / 0.022) % 1
    return mix(m.first, m.second, np.maximum(np.abs(a - 0.5), np.abs(b - 0.5)) < 0.38)
