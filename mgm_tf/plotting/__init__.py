"""Colours, tiles, panels and pages: how results look."""
