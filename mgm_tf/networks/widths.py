"""Widths of layers."""


def scaled(width: int, factor: float) -> int:
    """`width` times `factor`, at least 1."""
    return max(1, round(width * factor))
