"""Cross-stitch networks: an encoder a task, joined by units (Misra et al., 2016)."""

from collections.abc import Mapping

from mgm_tf.networks.encoders import ResNet, through
from mgm_tf.networks.layers.base import CompositeModel
from mgm_tf.networks.layers.cross_stitch import CrossStitch


class CrossStitchEncoder(CompositeModel):
    """One ResNet for each task, with a `CrossStitch` after each of the four stages.

    Args:
      encoders: task name -> its network; all of one layout.
    """

    def __init__(self, encoders: Mapping[str, ResNet], name: str | None = None):
        super().__init__(name=name)
        self.encoders = dict(encoders)
        stages = len(next(iter(self.encoders.values())).stages)
        self.units = [CrossStitch(len(self.encoders)) for _ in range(stages)]

    def call(self, images, training=False):
        """[N, H, W, C] to {task: features [N, h, w, width]}."""
        networks = self.encoders.values()
        features = [network.begin(images, training) for network in networks]
        stages = zip(*[network.stages for network in networks], strict=True)
        for unit, parts in zip(self.units, stages, strict=True):
            features = unit(
                [
                    through(blocks, hidden, training)
                    for blocks, hidden in zip(parts, features, strict=True)
                ]
            )
        return dict(zip(self.encoders, features, strict=True))
