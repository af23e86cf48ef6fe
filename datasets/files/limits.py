"""How large an image may be that is read: what is decoded of it stays below 1 GiB."""

from datasets.files.damage import DamagedFile, Path

# 8192 x 8192. Decoders take up to 10 bytes a pixel.
MOST_PIXELS = 2**26
# Numbers of a map, of which there are several copies while they are checked.
MOST_VALUES = 40_000_000


def check_size(path: Path, height: int, width: int) -> None:
    """Refuses an image without pixels, or of more than are read.

    Raises:
      DamagedFile: it is of such a size.
    """
    if height < 1 or width < 1:
        raise DamagedFile(path, f"an image of {height}x{width} pixels has none")
    if height * width > MOST_PIXELS:
        raise DamagedFile(
            path,
            f"{height}x{width} are {height * width / 1e6:,.0f} million pixels; at most "
            f"{MOST_PIXELS / 1e6:.0f} million are read: make it smaller",
        )


def check_map(path: Path, height: int, width: int, channels: int) -> None:
    """Refuses a label map without pixels, or of more numbers than are read.

    Raises:
      DamagedFile: it is of such a size.
    """
    check_size(path, height, width)
    if height * width * channels > MOST_VALUES:
        raise DamagedFile(
            path,
            f"{height}x{width} pixels of {channels} channels are more than the "
            f"{MOST_VALUES / 1e6:.0f} million numbers read of a map: make it smaller",
        )
