"""What may stand in a made-up street, as tables of flat shapes."""

import dataclasses

Color = tuple[float, float, float]  # red, green, blue: 0..1


@dataclasses.dataclass(frozen=True)
class Part:
    """A flat shape of a thing; metres from the middle of its foot.

    Attributes:
      label: the name of the part's class.
      x, y: the x of the part's middle and the y of its lower edge.
      width, height: the size of the part.
      color: the colour of the part; None: that of the thing.
      round: whether the part is an ellipse, else a rectangle.
    """

    label: str
    x: float
    y: float
    width: float
    height: float
    color: Color | None = None
    round: bool = False


@dataclasses.dataclass(frozen=True)
class Thing:
    """Where things of a kind stand, how many there are, and their parts.

    Attributes:
      share: the share of frames that have any.
      most: the largest number of them in a frame.
      span: the least and largest distance from the middle of the street, either side,
        in halves of the road's width. The camera's own lane stays free.
      parts: the parts from back to front.
      low, high: the bounds of the colour.
    """

    share: float
    most: int
    span: tuple[float, float]
    parts: tuple[Part, ...]
    low: Color = (0.1, 0.1, 0.1)
    high: Color = (0.9, 0.9, 0.9)


@dataclasses.dataclass(frozen=True)
class Front:
    """What stands along a street without a gap.

    Attributes:
      share: the share of the street's length.
      heights: the lowest and highest height in metres.
      low, high: the bounds of the colour.
      has_windows: whether there are windows.
    """

    share: float
    heights: tuple[float, float]
    low: Color
    high: Color
    has_windows: bool = False


DARK, GLASS, METAL = (0.08, 0.08, 0.09), (0.25, 0.3, 0.36), (0.5, 0.5, 0.48)
_SKIN, _RED, _BARK = (0.75, 0.55, 0.45), (0.8, 0.1, 0.1), (0.3, 0.22, 0.15)


def _vehicle(label: str, width: float, height: float) -> tuple[Part, ...]:
    """Wheels, body, window and lights, seen from behind."""
    wheel = 0.18 * width
    return (
        *(Part(label, x * width, 0, wheel, 0.5, DARK) for x in (-0.36, 0.36)),
        Part(label, 0, 0.25, width, 0.6 * height),
        Part(label, 0, 0.5 * height, 0.85 * width, 0.5 * height),
        Part(label, 0, 0.6 * height, 0.72 * width, 0.3 * height, GLASS),
        *(Part(label, x * width, 0.7, wheel, 0.15, _RED) for x in (-0.38, 0.38)),
    )


def _human(label: str, foot: float = 0.0) -> tuple[Part, ...]:
    """Legs, coat and head."""
    return (
        *(Part(label, x, foot, 0.18, 0.85, DARK) for x in (-0.12, 0.12)),
        Part(label, 0, foot + 0.75, 0.55, 0.75),
        Part(label, 0, foot + 1.48, 0.25, 0.3, _SKIN, round=True),
    )


def _two_wheels(label: str, height: float) -> tuple[Part, ...]:
    wheels = (Part(label, x, 0, 0.5, 0.6, DARK, round=True) for x in (-0.45, 0.45))
    return (*wheels, Part(label, 0, 0.35, 0.9, height))


_POLE = Part("pole", 0, 0, 0.14, 3.2, METAL)
_TREE = (
    Part("vegetation", 0, 0, 0.4, 2.5, _BARK),
    Part("vegetation", 0, 1.8, 3.2, 4.2, round=True),
)
_LIGHT = (
    _POLE,
    Part("traffic light", 0, 2.2, 0.4, 1.1, DARK),
    Part("traffic light", 0, 2.9, 0.25, 0.3, _RED, round=True),
)
_SIGN = (_POLE, Part("traffic sign", 0, 2.3, 0.8, 0.8, round=True))
_LAMP = (dataclasses.replace(_POLE, height=7.0),)
_BICYCLE = _two_wheels("bicycle", 0.12)
_RIDER = (*_BICYCLE, *_human("rider", foot=0.3))

THINGS = (
    Thing(0.9, 4, (0.35, 0.85), _vehicle("car", 1.8, 1.45)),
    Thing(0.25, 1, (0.4, 0.8), _vehicle("truck", 2.4, 3.0)),
    Thing(0.25, 1, (0.4, 0.8), _vehicle("bus", 2.5, 3.1)),
    Thing(0.75, 5, (1.05, 1.6), _human("person")),
    Thing(0.35, 2, (0.5, 0.95), _RIDER),
    Thing(0.3, 2, (1.05, 1.4), _BICYCLE),
    Thing(0.25, 1, (0.8, 1.0), _two_wheels("motorcycle", 0.4)),
    Thing(0.7, 4, (1.3, 1.9), _TREE, (0.1, 0.25, 0.08), (0.25, 0.45, 0.15)),
    Thing(0.6, 3, (1.05, 1.2), _LAMP),
    Thing(0.5, 2, (1.05, 1.3), _SIGN, (0.6, 0.1, 0.1), (0.9, 0.7, 0.2)),
    Thing(0.4, 2, (1.02, 1.2), _LIGHT),
    Thing(0.3, 2, (1.1, 1.5), (Part("static", 0, 0, 0.8, 1.1),)),
)

FRONTS = {  # by class
    "building": Front(0.66, (9, 20), (0.45, 0.4, 0.35), (0.85, 0.75, 0.65), True),
    "vegetation": Front(0.12, (2, 7), (0.12, 0.2, 0.08), (0.25, 0.4, 0.15)),
    "wall": Front(0.07, (1.5, 2.5), (0.45, 0.42, 0.4), (0.6, 0.58, 0.55)),
    "fence": Front(0.08, (1, 2), (0.3, 0.2, 0.12), (0.45, 0.33, 0.22)),
    "terrain": Front(0.07, (0.3, 0.8), (0.3, 0.4, 0.2), (0.5, 0.6, 0.3)),
}
