"""Lets TFDS import a builder's folder by its own name: `tfds build datasets/NAME`.

TFDS then puts the folder `datasets` on the path and imports the module
`NAME.NAME_dataset_builder`. Meanwhile the name `datasets` stands for a module of TFDS
that imitates another library, and our own modules cannot be found.
"""

import importlib
import pathlib
import sys


def find_our_package() -> None:
    """Puts our package back in the place of the imitation."""
    root = str(pathlib.Path(__file__).parent.parent)
    if root not in sys.path:
        sys.path.insert(0, root)
    sys.modules.pop("datasets", None)
    importlib.import_module("datasets")
