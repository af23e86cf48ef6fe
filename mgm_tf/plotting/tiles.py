"""Pictures in labelled grids: layout and text only, nothing of tasks or networks.

A picture is uint8 RGB [H, W, 3]. Every column is as wide, and every row as high, as
what stands in it, text included, so that no text is cut off or meets another.
"""

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

BACKGROUND = (255, 255, 255)
INK = (20, 20, 20)
GAP = 8  # pixels between neighbours and around everything
TEXT_SIZE = 14
LINE = 18  # height of a line of text
BAR = 10  # height of a colour bar
LARGEST = 384  # longest side of a picture in a grid

Color = tuple[int, int, int]
LegendEntry = tuple[int, str, Color]  # left edge in pixels, name, colour
Font = ImageFont.ImageFont | ImageFont.FreeTypeFont


@dataclasses.dataclass(frozen=True)
class Tile:
    """A picture with the text around it.

    Attributes:
      picture: the picture, uint8 [H, W, 3].
      title: the line above the picture.
      caption: the line below the picture.
      bar: the colours of a scale that is drawn below the picture, [n, 3], or None.
      ends: the values at the two ends of the scale, in words.
    """

    picture: np.ndarray
    title: str = ""
    caption: str = ""
    bar: np.ndarray | None = None
    ends: tuple[str, str] = ("", "")

    def width(self) -> int:
        """Returns the width in pixels of the tile, text included."""
        ends = GAP * any(self.ends) + sum(text_width(end) for end in self.ends)
        texts = text_width(self.title), text_width(self.caption), ends
        return max(self.picture.shape[1], *texts)


def fit(picture: np.ndarray, smallest: int = 160) -> np.ndarray:
    """Returns a picture whose longer side is between `smallest` and `LARGEST` pixels.

    Small pictures grow by a whole factor, each pixel a square; large ones are averaged.

    Args:
      picture: the picture, uint8 [H, W, 3].
      smallest: the least number of pixels of the longer side, at most `LARGEST`.
    """
    height, width = picture.shape[:2]
    longest = max(height, width)
    if longest < smallest:
        factor = -(-smallest // longest)
        return picture.repeat(factor, axis=0).repeat(factor, axis=1)
    if longest <= LARGEST:
        return picture
    size = [max(1, round(side * LARGEST / longest)) for side in (width, height)]
    shrunk = Image.fromarray(picture).resize((size[0], size[1]), Image.Resampling.BOX)
    return np.asarray(shrunk)


def grid(
    rows: Sequence[Sequence[Tile]],
    row_titles: Sequence[str] = (),
    legend: Sequence[tuple[str, Color]] = (),
) -> np.ndarray:
    """Returns the tiles as one picture [H, W, 3].

    Args:
      rows: the tiles of each row; rows may differ in length.
      row_titles: the titles to the left of the rows, none or one a row.
      legend: the names and colours that are listed below the rows.

    Raises:
      ValueError: there is no tile, or the titles are not as many as the rows.
    """
    if not any(rows):
        raise ValueError("Expected at least one tile to draw, got none.")
    if row_titles and len(row_titles) != len(rows):
        raise ValueError(f"Expected {len(rows)} row titles, got {len(row_titles)}.")
    margin = max((text_width(title) + GAP for title in row_titles), default=0)
    widths = _column_widths(rows)
    width = GAP + margin + sum(column + GAP for column in widths)
    width = max(width, *(GAP + _entry_width(name) for name, _ in legend), 0)
    heights = [_row_height(row) for row in rows]
    lines = _legend_lines(legend, width)
    height = GAP + sum(row + GAP for row in heights) + len(lines) * (LINE + 2)
    canvas = Image.new("RGB", (width, height + GAP * bool(lines)), BACKGROUND)
    top = GAP
    for index, row in enumerate(rows):
        if row_titles:
            middle = top + (heights[index] - LINE) // 2
            _write(canvas, (GAP, middle), row_titles[index])
        _draw_row(canvas, row, widths, GAP + margin, top)
        top += heights[index] + GAP
    for line in lines:
        _draw_legend(canvas, line, top)
        top += LINE + 2
    return np.asarray(canvas)


def text_width(text: str) -> int:
    """Returns the width of a text in pixels."""
    return int(np.ceil(_font().getlength(text)))


@functools.cache
def _font() -> Font:
    return ImageFont.load_default(TEXT_SIZE)


def _column_widths(rows: Sequence[Sequence[Tile]]) -> list[int]:
    columns = max(len(row) for row in rows)
    return [
        max(row[column].width() for row in rows if column < len(row))
        for column in range(columns)
    ]


def _has_titles(row: Sequence[Tile]) -> bool:
    return any(tile.title for tile in row)


def _row_height(row: Sequence[Tile]) -> int:
    below = (
        (BAR + 2 + LINE) * (tile.bar is not None) + LINE * bool(tile.caption)
        for tile in row
    )
    pictures = (tile.picture.shape[0] for tile in row)
    return LINE * _has_titles(row) + max(
        picture + 2 + text for picture, text in zip(pictures, below, strict=True)
    )


def _write(canvas: Image.Image, place: tuple[int, int], text: str) -> None:
    ImageDraw.Draw(canvas).text(place, text, fill=INK, font=_font())


def _draw_row(
    canvas: Image.Image, row: Sequence[Tile], widths: Sequence[int], left: int, top: int
) -> None:
    has_titles = _has_titles(row)
    for tile, column in zip(row, widths, strict=False):
        _draw_tile(canvas, tile, left, top, has_titles=has_titles)
        left += column + GAP


def _draw_tile(
    canvas: Image.Image, tile: Tile, left: int, top: int, *, has_titles: bool
) -> None:
    _write(canvas, (left, top), tile.title)
    top += LINE * has_titles
    canvas.paste(Image.fromarray(tile.picture), (left, top))
    top += tile.picture.shape[0] + 2
    if tile.bar is not None:
        width = max(tile.picture.shape[1], tile.width())
        bar = Image.fromarray(np.ascontiguousarray(tile.bar[None], np.uint8))
        canvas.paste(bar.resize((width, BAR), Image.Resampling.NEAREST), (left, top))
        top += BAR + 2
        _write(canvas, (left, top), tile.ends[0])
        _write(canvas, (left + width - text_width(tile.ends[1]), top), tile.ends[1])
        top += LINE
    _write(canvas, (left, top), tile.caption)


def _entry_width(name: str) -> int:
    return LINE + text_width(name) + 2 * GAP


def _legend_lines(
    legend: Sequence[tuple[str, Color]], width: int
) -> list[list[LegendEntry]]:
    """Breaks the legend into lines that fit into `width` pixels."""
    lines: list[list[LegendEntry]] = []
    left = width
    for name, color in legend:
        if left + _entry_width(name) > width:
            lines.append([])
            left = GAP
        lines[-1].append((left, name, color))
        left += _entry_width(name)
    return lines


def _draw_legend(canvas: Image.Image, line: Sequence[LegendEntry], top: int) -> None:
    draw = ImageDraw.Draw(canvas)
    for left, name, color in line:
        box = (left, top + 2, left + LINE - 6, top + LINE - 4)
        draw.rectangle(box, fill=tuple(color), outline=INK)
        _write(canvas, (left + LINE, top), name)
