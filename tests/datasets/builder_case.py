"""What our cases of TFDS' own test of builders share."""

import pathlib
import shutil
import tempfile
from collections.abc import Callable
from typing import Any, ClassVar

import tensorflow_datasets as tfds


class BuilderCase:
    """Goes before `tfds.testing.DatasetBuilderTestCase`; `write` makes the files."""

    write: ClassVar[Callable[[pathlib.Path], None]]
    EXAMPLE_DIR: ClassVar[str]
    VERSION: ClassVar[str]
    dataset_class: ClassVar[Callable[..., tfds.core.DatasetBuilder]]
    tmp_dir: ClassVar[str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        cls.write(pathlib.Path(cls.EXAMPLE_DIR))
        super().setUpClass()  # type: ignore[misc]

    @classmethod
    def tearDownClass(cls) -> None:
        super().tearDownClass()  # type: ignore[misc]
        shutil.rmtree(cls.EXAMPLE_DIR)

    def _make_builder(self, config: Any = None) -> tfds.core.DatasetBuilder:
        # The test case reads by `as_dataset`, which array_record does not have.
        return self.dataset_class(
            data_dir=self.tmp_dir,
            config=config,
            version=self.VERSION,
            file_format="tfrecord",
        )
