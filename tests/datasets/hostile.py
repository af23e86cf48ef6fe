"""Files that hang, fill the memory or start programs, made small."""

import io
import os
import pathlib
import socket
import struct
import zlib
from collections.abc import Callable

import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG, with its checksum."""
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum


def png(
    width: int, height: int, rows: bytes, *, color: int = 2, extra: bytes = b""
) -> bytes:
    """A PNG of 8 bits with these compressed rows, whatever they are."""
    header = struct.pack(">IIBBBBB", width, height, 8, color, 0, 0, 0)
    parts = chunk(b"IHDR", header), extra, chunk(b"IDAT", rows), chunk(b"IEND", b"")
    return SIGNATURE + b"".join(parts)


def zeros(count: int) -> bytes:
    """So many zeros, compressed a thousandfold."""
    compress = zlib.compressobj(9)
    piece = bytes(2**20)
    pieces = [compress.compress(piece) for _ in range(count // len(piece))]
    return b"".join([*pieces, compress.compress(bytes(count % len(piece)))]) + (
        compress.flush()
    )


def picture(size: int = 64, **options: object) -> bytes:
    """A JPEG of noise, whose blocks are all different."""
    noise = np.random.default_rng(0).normal(128, 30, (size, size, 3))
    file = io.BytesIO()
    image = Image.fromarray(np.uint8(np.clip(noise, 0, 255)))
    image.save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def with_hole(data: bytes, share: float, length: int, byte: int = 0) -> bytes:
    """A file of which some bytes are lost."""
    place = int(len(data) * share)
    return data[:place] + bytes([byte]) * length + data[place + length :]


def npy(header: str, data: bytes = b"") -> bytes:
    """An array with this header, whatever it says."""
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def scans(number: int) -> bytes:
    """A JPEG that is coded in so many passes."""
    data = picture(16)
    start = data.rindex(b"\xff\xda")
    return data[:start] + data[start:-2] * number + data[-2:]


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n"

# Content of a file NAME -> why it is refused.
IMAGES: dict[str, tuple[bytes, str]] = {
    "inflates": (png(4, 4, zeros(2**26)), "52 bytes of pixels expected, found 53 or"),
    "many_pixels": (png(2**16, 2**16, zeros(99)), "4,295 million pixels; at most 67"),
    "no_pixels": (png(0, 4, zeros(9)), "of 4x0 pixels has none"),
    "few_rows": (png(9, 9, zeros(28 * 5)), "252 bytes of pixels expected, found 140"),
    "postscript": (POSTSCRIPT, r"no readable JPEG or PNG.*begins b'%!PS-Ado'"),
    "gif": (b"GIF89a" + bytes(40), "no readable JPEG or PNG"),
    "page": (b"<!doctype html><title>404</title>", "no readable JPEG or PNG"),
    "empty": (b"", "the file is empty"),
    "cut": (picture()[:-200], "truncated JPEG"),
    "hole": (with_hole(picture(), 0.5, 200), "a hole of 200 zero bytes in it"),
    "small_hole": (with_hole(picture(), 0.4, 40), "a hole of 40 zero bytes|Corrupt"),
    "hole_444": (with_hole(picture(subsampling=0), 0.7, 60), "hole of 60 zero|Corrupt"),
    "progressive": (
        with_hole(picture(progressive=True), 0.3, 300),
        "damaged JPEG|truncated JPEG|broken",
    ),
    "other_hole": (with_hole(picture(), 0.5, 200, 0xFF), "damaged JPEG|truncated"),
    "many_scans": (scans(150), "expected 1 to 100 scans, found 150"),
    "head_only": (picture()[:500], "[Tt]runcated|no readable"),
}

# Content of an array -> why it is refused.
ARRAYS: dict[str, tuple[bytes, str]] = {
    "lost_bracket": (
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (48, 64"),
        "no a",
    ),
    "huge": (
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999, 99999), }"),
        "million pixels; at most",
    ),
    "negative": (
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (-48, 64), }"),
        "pixels has none",
    ),
    "objects": (
        npy("{'descr': '|O', 'fortran_order': False, 'shape': (48, 64), }"),
        "it holds objects of Python",
    ),
    "code": (npy("__import__('os').system('true')"), "no array of NumPy"),
    "deep": (npy("(" * 3000), "no array of NumPy"),
    "one_axis": (
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }", bytes(36)),
        "expected an array",
    ),
    "unknown_version": (b"\x93NUMPY\x09\x00" + bytes(90), "no array of NumPy"),
    "short": (
        npy("{'descr': '<f4', 'fortran_order': False, 'shape': (48, 64), }", bytes(9)),
        "12288 bytes expected, found 9",
    ),
    "empty": (b"", "no array of NumPy"),
}


def _pipe(path: pathlib.Path) -> None:
    os.mkfifo(path)


def _socket(path: pathlib.Path) -> None:
    # By a short name: those of sockets may have about a hundred characters.
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


def _link_out(path: pathlib.Path) -> None:
    path.symlink_to("/etc/hostname")


def _device(path: pathlib.Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: pathlib.Path) -> None:
    path.symlink_to(path.name)


def _nowhere(path: pathlib.Path) -> None:
    path.symlink_to("gone.png")


# What is no file, made at a path -> why it is not read.
STRANGERS: dict[str, tuple[Callable[[pathlib.Path], None], str]] = {
    "pipe": (_pipe, "expected a file, found a named pipe"),
    "socket": (_socket, "expected a file, found a socket"),
    "link_out": (_link_out, "a link out of the folder, to /etc/hostname, is not fol"),
    "device": (_device, "a link out of the folder, to /dev/zero"),
    "link_to_itself": (_loop, "cannot be read: Too many levels of symbolic links"),
    "link_to_nothing": (_nowhere, "cannot be read: No such file"),
}
