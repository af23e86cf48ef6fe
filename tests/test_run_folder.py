"""A folder of photographs by its flag file, its unlabelled images as weak ones."""

from datasets.folder import example
from tests import data_set_run


def test_a_folder_trains(tmp_path):
    example.write(tmp_path / "manual", images=24, size=64)
    done = data_set_run.trained("folder", tmp_path, "--weak=real")
    assert done.data.task_names == ("segmentation", "depth", "normals")
    # Six images without label maps beside 14 with some: 2 for each 4.
    (joint,) = (stage for stage in done.stages if stage.extra)
    assert (len(done.data.train), len(done.data.weak)) == (14, 6)
    assert (joint.batch_size, joint.extra) == (4, {"weak": 2})
