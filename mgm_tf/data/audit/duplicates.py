"""Images that are there twice: the same bytes, or nearly the same picture."""

import dataclasses

import numpy as np
import tensorflow as tf
from scipy import fft

SIDE = 32  # grey values that are transformed
FREQUENCIES = 12  # in each direction
BITS = FREQUENCIES**2
WORDS = -(-BITS // 64)  # of 64 bits, the last one filled with zeros
BANDS = 12
# Of the bits. Measured at 64 pixels on NYUv2 and Rooms: JPEG of quality 60 changes 1 or
# 2 (95 % of images: up to 4), brightness and contrast 3 to 6 (12), another size 1 (4);
# the nearest two of 400 frames are 43 apart, of 400 rooms 31, the median is 70.
NEAR = 14
LARGEST_BUCKET = 4096  # neighbours within a bucket that are compared


def fingerprints(images: np.ndarray) -> np.ndarray:
    """Returns perceptual hashes uint64 [N, 3] of images [N, H, W, 3].

    The signs of the lowest frequencies of the cosine transform of 32 x 32 grey values.
    Brightness, contrast, noise and compression change few of them. The bits are in a
    fixed random order, so that no run of them belongs to one direction.
    """
    grey = tf.image.rgb_to_grayscale(tf.cast(images, tf.float32))
    small = tf.image.resize(grey, (SIDE, SIDE), "area").numpy()[..., 0]
    waves = fft.dctn(small, axes=(1, 2), norm="ortho")[:, :FREQUENCIES, :FREQUENCIES]
    waves[:, 0, 0] = 0  # the mean is positive in every image
    bits = (waves > 0).reshape(len(waves), BITS)
    shuffled = bits[:, np.random.default_rng(0).permutation(BITS)]
    filled = np.pad(shuffled, ((0, 0), (0, 64 * WORDS - BITS)))
    return np.ascontiguousarray(np.packbits(filled, axis=1)).view(np.uint64)


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs of nearly equal images.

    Attributes:
      first, second: the numbers [n] of the images, first < second.
      distance: the number [n] of bits of 144 that differ.
      skipped: the number of comparisons within crowds of images that were left out.
    """

    first: np.ndarray
    second: np.ndarray
    distance: np.ndarray
    skipped: int


def near_pairs(prints: np.ndarray, near: int = NEAR) -> Pairs:
    """Returns the pairs of fingerprints [N, 3] that differ in at most `near` bits.

    Only prints that agree in one of 12 bands of 12 bits are compared: pairs that differ
    in less than 12 bits are always found, others nearly always, without N^2 work.
    """
    parts = [np.zeros((0, 2), np.int64)]
    skipped = 0
    for band in _bands(prints).T:
        order = np.argsort(band, kind="stable")
        keys = band[order]
        places = np.arange(len(keys))
        for offset in range(1, len(keys)):
            places = places[: np.searchsorted(places, len(keys) - offset)]
            places = places[keys[places + offset] == keys[places]]
            if offset > LARGEST_BUCKET or not len(places):
                skipped += len(places)
                break
            pairs = np.stack([order[places], order[places + offset]], axis=1)
            parts.append(pairs[_distance(prints, pairs) <= near])
    pairs = np.unique(np.sort(np.concatenate(parts), axis=1), axis=0)
    distance = _distance(prints, pairs)
    return Pairs(pairs[:, 0], pairs[:, 1], distance, skipped)


def _bands(prints: np.ndarray) -> np.ndarray:
    """Returns the numbers [N, 12] that 12 bits each of the prints make."""
    bits = np.unpackbits(np.ascontiguousarray(prints).view(np.uint8), axis=1)
    runs = bits[:, :BITS].reshape(len(prints), BANDS, BITS // BANDS).astype(np.uint16)
    return runs @ (np.uint16(1) << np.arange(runs.shape[-1], dtype=np.uint16))


def _distance(prints: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    differ = prints[pairs[:, 0]] ^ prints[pairs[:, 1]]
    return np.bitwise_count(differ).sum(axis=1, dtype=np.int64)


def groups(digests: np.ndarray) -> list[np.ndarray]:
    """Returns the numbers of the examples of each digest that occurs more than once."""
    order = np.argsort(digests, kind="stable")
    ordered = digests[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    return [group for group in np.split(order, starts[1:]) if len(group) > 1]
