"""Reads tables and records that others write: UTF-8, with a byte order mark or not."""

import codecs

from datasets.files import regular
from datasets.files.damage import DamagedFile, Path

# What begins with these, UTF-32 first: its mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_HOW = "save it as UTF-8"


def read(path: Path) -> str:
    """Returns the text of a file without its byte order mark; may be empty.

    Raises:
      FileNotFoundError: there is no such file.
      DamagedFile: it is of another encoding, or no text; the message says which.
    """
    data = regular.contents(path, regular.MOST_TEXT, may_be_empty=True)
    for mark, name in _MARKS:
        if data.startswith(mark):
            raise DamagedFile(path, f"expected UTF-8, found {name}; {_HOW}")
    if b"\0" in data:
        # Without a mark, UTF-16 of European languages has a zero in every second byte.
        raise DamagedFile(path, f"expected a text, found zero bytes; {_HOW}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = data[: error.start].count(b"\n") + 1
        raise DamagedFile(
            path,
            f"expected UTF-8, found the byte 0x{data[error.start]:02x} in line {place} "
            f"(of Latin-1 or Windows-1252?); {_HOW}",
        ) from error
