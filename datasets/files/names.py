"""Names of files: compared in one form of Unicode, shown without harm to a terminal.

macOS and archives made there store `Küste` with the dots as a character of their own
(decomposed, NFD); tables written by hand have it composed (NFC). Names that are no
UTF-8, of old archives, reach Python with surrogates in the place of their bytes.
"""

import difflib
import os
import unicodedata
from collections.abc import Iterable

# Controls, surrogates, and marks that turn the direction of what follows.
_HIDDEN = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_UNSHOWN = frozenset({"Cc", "Cs"})
_MOST_HINTS = 3


def composed(text: str | os.PathLike) -> str:
    """Returns a name as it is compared and stored: NFC, bytes of no UTF-8 escaped."""
    return unicodedata.normalize("NFC", _valid(os.fspath(text)))


def shown(text: str | os.PathLike) -> str:
    """Returns a name as it is printed: nothing moves a cursor or fails to print."""
    return "".join(map(_shown, _valid(os.fspath(text))))


def _valid(text: str) -> str:
    """Returns a text that can be written: bytes that are no UTF-8 are escaped."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # halves of characters, which only JSON can have
        data = text.encode("utf-8", "backslashreplace")
    return data.decode("utf-8", "backslashreplace")


def _shown(character: str) -> str:
    is_unshown = unicodedata.category(character) in _UNSHOWN or character in _HIDDEN
    return ascii(character)[1:-1] if is_unshown else character


def nearest(name: str, known: Iterable[str]) -> str:
    """Returns `; did you mean A or B?` of the most similar known names, or nothing."""
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    close = difflib.get_close_matches(name.casefold(), folded, _MOST_HINTS)
    hints = " or ".join(folded[each] for each in close)
    return f"; did you mean {hints}?" if hints else ""
