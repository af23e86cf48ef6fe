"""What our cases of TFDS' own test of builders share."""

import pathlib
import shutil
import tempfile


class BuilderCase:
    """Goes before `tfds.testing.DatasetBuilderTestCase`; `write` makes the files."""

    @classmethod
    def setUpClass(cls):
        cls.EXAMPLE_DIR = tempfile.mkdtemp()
        cls.write(pathlib.Path(cls.EXAMPLE_DIR))
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        shutil.rmtree(cls.EXAMPLE_DIR)

    def _make_builder(self, config=None):
        # The test case reads by `as_dataset`, which array_record does not have.
        return self.dataset_class(
            data_dir=self.tmp_dir,
            config=config,
            version=self.VERSION,
            file_format="tfrecord",
        )
