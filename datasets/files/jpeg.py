"""Whether a JPEG is whole, which decoders do not say.

A JPEG has no checksum. Where a copy has a hole, a decoder goes on with whatever the
bytes there mean, shifts and recolours all that follows, and calls it a warning.
"""

import re
import struct
from collections.abc import Iterator
from typing import NamedTuple

from datasets.files.damage import DamagedFile, Path

SIGNATURE = b"\xff\xd8\xff"
_START_OF_SCAN, _HUFFMAN_TABLES, _END = 0xDA, 0xC4, 0xD9
_SEQUENTIAL = frozenset({0xC0, 0xC1})  # with Huffman codes
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # which say how large it is
_AC = 1  # the class of Huffman tables of all coefficients but the first
# A progressive JPEG has about ten; a thousand of them keep a decoder busy for hours.
_MOST_SCANS = 100
_MOST_WORK = 2**30  # pixels of all scans: sixteen of the largest image
# Bytes. Zeros as long as this are, by the tables of nearly all cameras and programs,
# dozens of equal coefficients in a row, which no picture has.
_HOLE = 32
_ZEROS = re.compile(b"\0{%d,}" % _HOLE)
# What begins another segment; 0xff00 is a stuffed byte, 0xffd0 to 0xffd7 are restarts.
_MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]")
_OF_PRINT = frozenset({"CMYK", "YCCK"})  # which are no sum of grey and colour
# Warnings of the decoder about pixels; there are others, which cameras cause.
_ABOUT_PIXELS = re.compile(r"Corrupt JPEG data|Premature end|Bogus", re.IGNORECASE)


class _Segment(NamedTuple):
    """A part of a JPEG.

    Attributes:
      marker: its kind.
      body: its contents.
      pixels: the coded pixels that follow, of a scan.
    """

    marker: int
    body: bytes
    pixels: bytes


def check(path: Path, data: bytes) -> None:
    """Checks that all of a JPEG is there, before and without decoding it for use.

    Raises:
      DamagedFile: it ends too early, has a hole, or its decoder warns of its pixels.
    """
    scans, pixels = 0, 0
    is_sequential, has_long_blocks = False, False
    for segment in _segments(path, data):
        is_sequential |= segment.marker in _SEQUENTIAL
        if segment.marker in _FRAMES and len(segment.body) >= 5:
            height, width = struct.unpack_from(">HH", segment.body, 1)
            pixels = max(pixels, height * width)
        if segment.marker == _HUFFMAN_TABLES:
            has_long_blocks |= _has_long_blocks(segment.body)
        if segment.marker == _START_OF_SCAN:
            scans += 1
            hole = _ZEROS.search(segment.pixels)
            if hole and is_sequential and has_long_blocks:
                raise DamagedFile(
                    path, f"damaged JPEG: a hole of {len(hole[0])} zero bytes in it"
                )
    if not 0 < scans <= _MOST_SCANS:
        raise DamagedFile(
            path, f"damaged JPEG: expected 1 to {_MOST_SCANS} scans, found {scans}"
        )
    if scans * pixels > _MOST_WORK:
        raise DamagedFile(
            path, f"{scans} scans of {pixels / 1e6:.0f} million pixels are too many"
        )
    _check_warnings(path, data)


def _segments(path: Path, data: bytes) -> Iterator[_Segment]:
    """Yields the parts of a JPEG up to its end; what follows belongs to others."""
    truncated = DamagedFile(path, f"truncated JPEG of {len(data)} bytes")
    place = 2
    while True:
        match = _MARKER.match(data, place)
        if match is None:
            # Some programs leave a byte or two between segments.
            match = _MARKER.search(data, place)
        if match is None:
            raise truncated
        marker, begin = data[match.end() - 1], match.end()
        if marker == _END:
            return
        if begin + 2 > len(data):
            raise truncated
        (length,) = struct.unpack_from(">H", data, begin)
        end = begin + max(length, 2)
        if end > len(data):
            raise truncated
        pixels = b""
        if marker == _START_OF_SCAN:
            behind = _MARKER.search(data, end)
            if behind is None:
                raise truncated
            pixels = data[end : behind.start()]
            end = behind.start()
        yield _Segment(marker, data[begin + 2 : begin + max(length, 2)], pixels)
        place = end


def _has_long_blocks(body: bytes) -> bool:
    """Returns whether zeros, by one of these tables, are one coefficient after another.

    They are the code of the first symbol. Where this is the end of a block, a run of
    zeros is a plain area.
    """
    place = 0
    found = False
    while place + 17 <= len(body):
        kind = body[place] >> 4
        number = sum(body[place + 1 : place + 17])
        symbols = body[place + 17 : place + 17 + number]
        found |= kind == _AC and bool(symbols) and bool(symbols[0] & 15)
        place += 17 + number
    return found


def _check_warnings(path: Path, data: bytes) -> None:
    """Refuses what libjpeg warns of, which Pillow does not pass on."""
    # Imported where it is needed: not every command reads photographs.
    import simplejpeg

    try:
        space = simplejpeg.decode_jpeg_header(data)[2]
        # Grey takes half of the time; all coefficients are read nevertheless.
        simplejpeg.decode_jpeg(data, "CMYK" if space in _OF_PRINT else "GRAY")
    except ValueError as error:
        if _ABOUT_PIXELS.search(str(error)):
            raise DamagedFile(path, f"damaged JPEG: {error}") from error
