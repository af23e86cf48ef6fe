"""How large an image may be that is read: what is decoded of it stays below 1 GiB."""

from datasets.files.damage import DamagedFile, Path

# 8192 x 8192. Decoders take up to 10 bytes a pixel.
MOST_PIXELS = 2**26


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
