"""What the fuzzing draws from: sound files of every format, and ways to damage them."""

import io
import json
import math
from typing import Any

import numpy as np
import OpenEXR
from hypothesis import strategies as st
from PIL import Image

from tests.datasets import hostile

SIDE = 16


def _encoded(pixels: np.ndarray, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


def _noise(channels: int) -> np.ndarray:
    random = np.random.default_rng(channels)
    shape = (SIDE, SIDE, channels) if channels > 1 else (SIDE, SIDE)
    return random.integers(0, 256, shape).astype(np.uint8)


def _array(values: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, values)
    return file.getvalue()


def _exr(path: str, **channels: np.ndarray) -> bytes:
    with OpenEXR.File({}, channels) as file:
        file.write(path)
    with open(path, "rb") as written:
        return written.read()


def images() -> dict[str, bytes]:
    """Sound images of every format that is read, some of each."""
    grey, rgb, alpha = _noise(1), _noise(3), _noise(4)
    return {
        "a.png": _encoded(rgb, "PNG"),
        "grey.png": _encoded(grey, "PNG"),
        "alpha.png": _encoded(alpha, "PNG"),
        "wide.png": _encoded(grey.astype(np.uint16) * 257, "PNG"),
        "a.jpg": _encoded(rgb, "JPEG", quality=90),
        "fine.jpg": _encoded(rgb, "JPEG", quality=90, subsampling=0),
        "progressive.jpg": _encoded(rgb, "JPEG", progressive=True),
        "grey.jpg": _encoded(grey, "JPEG"),
        "a.webp": _encoded(rgb, "WEBP"),
        "lossless.webp": _encoded(alpha, "WEBP", lossless=True),
        "a.tif": _encoded(rgb, "TIFF"),
        "packed.tif": _encoded(rgb, "TIFF", compression="tiff_lzw"),
        "deflated.tif": _encoded(grey, "TIFF", compression="tiff_adobe_deflate"),
        "a.gif": _encoded(grey, "GIF"),
        "a.bmp": _encoded(rgb, "BMP"),
        "a.ppm": _encoded(rgb, "PPM"),
        "a.pgm": _encoded(grey, "PPM"),
        "a.jp2": _encoded(rgb, "JPEG2000"),
        "a.avif": _encoded(rgb, "AVIF"),
    }


def arrays(folder: str) -> dict[str, bytes]:
    """Sound arrays and EXR files; `folder` is for writing the latter."""
    ramp = np.linspace(0.5, 4, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE)
    return {
        "a.npy": _array(ramp),
        "vectors.npy": _array(np.dstack([0 * ramp, 0 * ramp, 1 + 0 * ramp])),
        "classes.npy": _array(np.zeros((SIDE, SIDE), np.int64)),
        "a.exr": _exr(f"{folder}/a.exr", Z=ramp),
        "layers.exr": _exr(
            f"{folder}/layers.exr",
            **{"View.Depth.Z": ramp, "View.Normal.Z": -ramp, "View.Combined.R": ramp},
        ),
    }


@st.composite
def damaged(draw: st.DrawFn, sound: dict[str, bytes]) -> tuple[str, str, bytes]:
    """Draws (name, kind of damage, contents) of a file."""
    name = draw(st.sampled_from(sorted(sound)))
    data = sound[name]
    kind = draw(st.sampled_from(sorted(DAMAGE)))
    return name, kind, DAMAGE[kind](draw, data)


def _cut(draw: st.DrawFn, data: bytes) -> bytes:
    return data[: draw(st.integers(0, len(data) - 1))]


def _hole(draw: st.DrawFn, data: bytes) -> bytes:
    length = draw(st.integers(1, max(1, len(data) // 2)))
    begin = draw(st.integers(0, len(data) - length))
    return data[:begin] + bytes(length) + data[begin + length :]


def _flipped(draw: st.DrawFn, data: bytes) -> bytes:
    changed = bytearray(data)
    places = st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=8)
    for place in draw(places):
        changed[place] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def _head(draw: st.DrawFn, data: bytes) -> bytes:
    """Numbers in the head, where sizes are, become others."""
    changed = bytearray(data)
    place = draw(st.integers(0, min(len(data) - 4, 120)))
    changed[place : place + 4] = draw(st.sampled_from(_NUMBERS))
    return bytes(changed)


def _spliced(draw: st.DrawFn, data: bytes) -> bytes:
    begin, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
    times = draw(st.integers(0, 40))
    return data[:begin] + data[begin:end] * times + data[end:]


def _more(draw: st.DrawFn, data: bytes) -> bytes:
    return data + draw(st.binary(max_size=200))


def _anything(draw: st.DrawFn, data: bytes) -> bytes:
    return draw(st.binary(max_size=300))


def _sound(draw: st.DrawFn, data: bytes) -> bytes:
    return data


_NUMBERS = (
    b"\xff\xff\xff\xff",
    bytes(4),
    b"\x7f\xff\xff\xff",
    b"\0\1\0\0",
    b"\0\0\xff\xff",
)
DAMAGE = {
    "cut": _cut,
    "hole": _hole,
    "flipped": _flipped,
    "head": _head,
    "spliced": _spliced,
    "more": _more,
    "anything": _anything,
    "sound": _sound,
    "hostile": lambda draw, data: draw(st.sampled_from(HOSTILE)),
}
HOSTILE = [data for data, _ in (*hostile.IMAGES.values(), *hostile.ARRAYS.values())]

NAMES = st.one_of(
    st.sampled_from(
        [
            *(
                "a",
                "p00",
                "p01",
                "p02",
                "p03",
                "Küste",
                "Ku\u0308ste",
                "a b",
                "K\udcfcste",
                "-x",
                "#",
                "a;b",
            ),
            *("..a", "@eaDir", "__MACOSX", ".hidden", "Thumbs.db", "m" * 200, "a\nb"),
        ]
    ),
    st.text(
        st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)),
        min_size=1,
        max_size=12,
    ).filter(lambda name: name not in (".", "..")),
)

TEXTS = st.one_of(
    st.binary(max_size=120),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text(max_size=40).map(lambda text: text.encode("utf-16", "surrogatepass")),
)

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**30), 0, 1, 5, math.nan, math.inf, -math.inf]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        ["mm", "nan", "right", "up", "toward", "weak", "multi_hot", "depth"]
    ),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def changed_json(draw: st.DrawFn, sound: Any) -> str:
    """Draws a JSON text near a sound record, in which a few values may be others."""
    record = json.loads(json.dumps(sound))
    for _ in range(draw(st.integers(0, 3))):
        place = record
        while isinstance(place, dict | list) and place:
            keys = list(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            if draw(st.booleans()) or not isinstance(place[key], dict | list):
                place[key] = draw(VALUES)
                break
            place = place[key]
    text = json.dumps(record, ensure_ascii=draw(st.booleans()))
    cut = draw(st.integers(0, 9))
    return text[: len(text) * cut // 9] if cut < 2 else text
