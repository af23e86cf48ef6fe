"""What each choice of `--weak` stands for: the weak images of Algorithm 1, and a GAN.

Said once: Algorithm 1, the checks of settings and the forecast of costs read it.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class WeakSource:
    """Where the weak images come from, and when a GAN learns to make them.

    Attributes:
      images: whether there are weak images at all.
      synthesized: whether a generator makes them.
      generative: whether a GAN learns in stage 2, on the features of a frozen E.
      joint: whether it learns on in stage 3, and E with it.
    """

    images: bool = True
    synthesized: bool = False
    generative: bool = False
    joint: bool = False


WEAK_SOURCES = {
    # MGM: G and E learn from each other (section 3.3).
    "synthetic": WeakSource(synthesized=True, generative=True, joint=True),
    # MGM/j: a GAN that is trained before, from noise alone (Table 3).
    "frozen": WeakSource(synthesized=True, generative=True),
    # MGM-Combine: the generators of other runs (Table 15).
    "combined": WeakSource(synthesized=True),
    # ST_G: images of a GAN, labelled by an oracle (Table 1).
    "oracle": WeakSource(synthesized=True, generative=True),
    # MGM_r: real images of which only the scene is known (Table 2).
    "real": WeakSource(),
    # MGM/G: no synthesized images (Table 3).
    "none": WeakSource(images=False),
}
