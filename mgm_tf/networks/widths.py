"""Widths of layers, and the sizes of images that they work on."""


def scaled(width: int, factor: float) -> int:
    """`width` times `factor`, at least 1."""
    return max(1, round(width * factor))


def doublings(first: int, last: int) -> list[int]:
    """first, 2 first, 4 first ... up to `last`."""
    sizes = []
    while first <= last:
        sizes.append(first)
        first *= 2
    return sizes
