"""A folder of photographs without scenes: E's features make them."""

import json

import numpy as np

from datasets.folder import example
from mgm_tf.data import pseudo_labels
from tests import data_set_run


def test_a_folder_without_scenes_trains_on_clusters(tmp_path):
    manual = tmp_path / "manual"
    example.write(manual, images=24, size=64)
    (manual / "scenes.csv").unlink()
    record = json.loads((manual / "dataset.json").read_text())
    (manual / "dataset.json").write_text(json.dumps(record | {"unlabelled": "weak"}))
    done = data_set_run.trained(
        "folder",
        tmp_path,
        "--scene_labels=cluster",
        "--scene_clusters=3",
        "--weak=real",
        "--refinement=peoe",
        "--self_supervision=none",
    )
    with np.load(tmp_path / "run" / pseudo_labels.FILE) as kept:
        assert kept["scenes_0"].shape == (14,) and kept["scenes_1"].shape == (6,)
        assert set(kept["scenes_0"]) <= {0, 1, 2}
    joint = done.stages[-1]
    train, extra = done.examples(joint, tmp_path / "run")
    for split in (train, extra["weak"].split):
        assert (split.scenes() >= 0).all()
