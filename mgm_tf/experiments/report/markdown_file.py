"""Parts of a Markdown file that are made by a command, between marks.

    <!-- begin: table X5 -->
    ...
    <!-- end: table X5 -->

What stands around them is written by people and stays as it is.
"""

import re
from collections.abc import Mapping

from datasets.files.names import nearest

_PART = re.compile(
    r"<!-- begin: (?P<name>[^\n]+?) -->\n(?P<text>.*?)<!-- end: (?P<end>[^\n]+?) -->",
    re.DOTALL,
)
_MARK = re.compile(r"<!-- (?:begin|end): [^\n]+? -->")


def marked(text: str) -> list[str]:
    """Returns the names of the parts that a text has, in order.

    Raises:
      ValueError: a mark has no partner, or one of another name.
    """
    parts = list(_PART.finditer(text))
    crossed = [part for part in parts if part["name"] != part["end"]]
    if crossed or len(_MARK.findall(text)) != 2 * len(parts):
        where = crossed[0]["name"] if crossed else "one of them"
        raise ValueError(
            "Expected each part between `<!-- begin: NAME -->` and `<!-- end: NAME "
            f"-->` of the same name; it is not so of {where}."
        )
    return [part["name"] for part in parts]


def filled(text: str, parts: Mapping[str, str]) -> str:
    """Returns a text with its parts made anew.

    Args:
      text: the text of the file.
      parts: the text of each part that can be made, by its name.

    Raises:
      ValueError: marks are wrong, or name a part that is not there.
    """
    for name in marked(text):
        if name not in parts:
            raise ValueError(
                f"`<!-- begin: {name} -->` names no part; there are "
                f"{', '.join(parts)}{nearest(name, parts)}"
            )
    return _PART.sub(
        lambda part: (
            f"<!-- begin: {part['name']} -->\n\n{parts[part['name']].strip()}\n\n"
            f"<!-- end: {part['name']} -->"
        ),
        text,
    )
