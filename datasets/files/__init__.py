"""Reads files that others have written: bounded, by their content, or not at all.

Whoever reads a file of a person, a camera or another program does so through here:

    read_image, read_map   photographs and label maps (`images`)
    arrays                 arrays of NumPy
    text, records          tables, and JSON held against the dataclass that it is of
    walk                   the files of a folder, with what was passed over and why
    names                  Unicode of names, and how they are shown
    streams                output of any characters, to any terminal

What cannot be used is a `DamagedFile`, with the reason. Nothing here knows data sets.
"""

from datasets.files.damage import DamagedFile
from datasets.files.images import image_size, read_image, read_map

__all__ = ["DamagedFile", "image_size", "read_image", "read_map"]
