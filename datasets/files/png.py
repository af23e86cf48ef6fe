"""What a PNG says of itself, checked to its last byte: no decoder tells all damage.

A PNG has a checksum in every part, so whatever was changed or lost on its way is found.
A decoder leaves zeros where rows are missing, and one that reads everything behind the
pixels fills the memory: a few bytes may inflate to gigabytes.
"""

import struct
import zlib
from typing import NamedTuple

from datasets.files import limits
from datasets.files.damage import DamagedFile, Path

SIGNATURE = b"\x89PNG\r\n\x1a\n"
PALETTE = 3
# Channels of each colour type of PNG; a palette's indices are one.
CHANNELS = {0: 1, 2: 3, PALETTE: 1, 4: 2, 6: 4}
HEAD = 33  # bytes, in which the header is
# The parts that pixels depend on. Texts, which may inflate to anything, are none.
_NEEDED = frozenset((b"IHDR", b"PLTE", b"tRNS", b"eXIf", b"IDAT", b"IEND"))
# (first column, first row, columns, rows) between the pixels of each pass of Adam7.
_PASSES = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)


class Header(NamedTuple):
    """What a PNG says of itself in its first 33 bytes."""

    width: int
    height: int
    bits: int
    color: int
    interlace: int

    @property
    def channels(self) -> int:
        """The number of channels as they are stored."""
        return CHANNELS[self.color]

    @property
    def bytes(self) -> int:
        """Bytes of all rows before compression, each with its filter's number."""
        passes = _PASSES if self.interlace else ((0, 0, 1, 1),)
        return sum(self._bytes_of_pass(*each) for each in passes)

    def _bytes_of_pass(self, left: int, top: int, right: int, down: int) -> int:
        columns = max(0, -((left - self.width) // right))
        rows = max(0, -((top - self.height) // down))
        row_bytes = (columns * self.bits * self.channels + 7) // 8
        return rows * (1 + row_bytes) if columns else 0


class Png(NamedTuple):
    """A PNG whose parts are whole.

    Attributes:
      header: what it says of itself.
      pixels: its compressed pixels.
      needed: the file without all that pixels do not depend on.
    """

    header: Header
    pixels: bytes
    needed: bytes


def header_of(path: Path, head: bytes) -> Header:
    """Returns the header of a PNG, given its first bytes.

    Raises:
      DamagedFile: it is no PNG, or an image of more pixels than are read.
    """
    if not head.startswith(SIGNATURE):
        raise DamagedFile(path, f"expected a PNG, found a file beginning {head[:8]!r}")
    if len(head) < HEAD or head[12:16] != b"IHDR":
        raise DamagedFile(path, f"truncated PNG of {len(head)} bytes")
    header = Header(*struct.unpack(">IIBBxxB", head[16:29]))
    if header.color not in CHANNELS:
        raise DamagedFile(path, f"PNG of the unknown colour type {header.color}")
    limits.check_size(path, header.height, header.width)
    return header


def parsed(path: Path, data: bytes) -> Png:
    """Returns the parts of a PNG, having checked the file to its end.

    Raises:
      DamagedFile: the file ends before its last chunk, a checksum is wrong, or its size
        is none that is read.
    """
    header = header_of(path, data)
    place, kind = len(SIGNATURE), b""
    pixels: list[memoryview] = []
    needed = [memoryview(SIGNATURE)]
    view = memoryview(data)
    while kind != b"IEND":
        end = place + 12
        if end <= len(data):
            length, kind = struct.unpack(">I4s", data[place : place + 8])
            end += length
        if end > len(data):
            raise DamagedFile(path, f"truncated PNG of {len(data)} bytes")
        (checksum,) = struct.unpack(">I", data[end - 4 : end])
        if zlib.crc32(view[place + 4 : end - 4]) != checksum:
            raise DamagedFile(path, f"damaged PNG: wrong checksum at byte {place}")
        if kind in _NEEDED:
            needed.append(view[place:end])
        if kind == b"IDAT":
            pixels.append(view[place + 8 : end - 4])
        place = end
    return Png(header, b"".join(pixels), b"".join(needed))


def check_pixels(path: Path, png: Png, last_row_is_zero: bool) -> None:
    """Refuses a whole PNG with fewer or more bytes of pixels in it than it says.

    To inflate once more costs half of decoding, so it is done where there is a reason:
    the last row is zero, as decoders leave it if it is missing, or the compressed
    pixels are longer than pixels are before compression.
    """
    expected = png.header.bytes
    is_long = len(png.pixels) > expected + expected // 100 + 1024
    if not (last_row_is_zero or png.header.interlace or is_long):
        return
    inflate = zlib.decompressobj()
    try:
        found = len(inflate.decompress(png.pixels, expected + 1))
    except zlib.error as error:
        raise DamagedFile(path, f"damaged PNG: {error}") from error
    if found != expected:
        more = " or more" * (found > expected)
        raise DamagedFile(
            path,
            f"damaged PNG: {expected} bytes of pixels expected, found {found}{more}",
        )
