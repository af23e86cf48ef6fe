"""Encoded images inside a graph: the bytes of a file as upright RGB.

JPEG, PNG and the first frame of a GIF; TensorFlow decodes other files wrongly or not at
all. Pixels come out as `predict/image_files.py` reads them: transparent ones on white,
and turned as the camera's EXIF data say, which TensorFlow's own decoders pass over.
"""

import tensorflow as tf

_JPEG, _PNG, _GIF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8"
_COLOR_TYPE = 25  # the place of a byte in a PNG whose bit 4 says that there is alpha
_HEAD = 1 << 14  # bytes: EXIF data come first, and of these the orientation
# What EXIF data begin with in a JPEG and in a PNG, by the order of their bytes; and the
# tag 0x0112, one number of two bytes, which is the orientation.
_STARTS = {
    "little": (b"Exif\0\0II*\0", b"eXIfII*\0"),
    "big": (b"Exif\0\0MM\0*", b"eXIfMM\0*"),
}
_TAGS = {
    "little": b"\x12\x01\x03\0\x01\0\0\0",
    "big": b"\x01\x12\0\x03\0\0\0\x01\0",  # the first of two bytes included
}


def decode(contents: tf.Tensor) -> tf.Tensor:
    """Decodes a file, a scalar string, as upright RGB, uint8 [H, W, 3].

    Raises:
      InvalidArgumentError: when it runs, the bytes are no such image, or damaged.
    """
    head = tf.io.decode_raw(tf.strings.substr(contents, 0, _HEAD), tf.uint8)
    # Not TensorFlow's choice of a decoder: palettes of BMP come out as other colours.
    pixels = tf.case(
        [
            (_begins(contents, _JPEG), lambda: _jpeg(contents)),
            (_begins(contents, _PNG), lambda: _png(contents, head)),
            (_begins(contents, _GIF), lambda: tf.io.decode_gif(contents)[0]),
        ],
        default=lambda: _refused(contents),
    )
    return _upright(tf.ensure_shape(pixels, [None, None, 3]), _orientation(head))


def _begins(contents: tf.Tensor, start: bytes) -> tf.Tensor:
    return tf.equal(tf.strings.substr(contents, 0, len(start)), start)


def _jpeg(contents: tf.Tensor) -> tf.Tensor:
    # The default is faster by little and differs from every other program's pixels.
    return tf.io.decode_jpeg(contents, channels=3, dct_method="INTEGER_ACCURATE")


def _png(contents: tf.Tensor, head: tf.Tensor) -> tf.Tensor:
    has_alpha = tf.reduce_any(head[_COLOR_TYPE : _COLOR_TYPE + 1] & 4 > 0)
    return tf.cond(
        has_alpha | (_place(head, b"tRNS") < _place(head, b"IDAT")),
        lambda: _on_white(tf.io.decode_png(contents, channels=4)),
        # Without alpha, TensorFlow makes up one, which is wrong below 8 bits.
        lambda: tf.io.decode_png(contents, channels=3),
    )


def _on_white(pixels: tf.Tensor) -> tf.Tensor:
    values = tf.cast(pixels, tf.float32)
    opacity = values[..., 3:] / 255
    return tf.cast(tf.round(values[..., :3] * opacity + 255 * (1 - opacity)), tf.uint8)


def _refused(contents: tf.Tensor) -> tf.Tensor:
    message = "Expected the bytes of a JPEG, PNG or GIF file."
    with tf.control_dependencies([tf.debugging.Assert(False, [message])]):
        return tf.zeros((1, 1, 3), tf.uint8)


def _orientation(head: tf.Tensor) -> tf.Tensor:
    """Returns the orientation of EXIF data, 1 to 8; 1 (upright) without any."""
    found = tf.constant(1)
    for order, tag in _TAGS.items():
        begin = tf.reduce_min([_place(head, start) for start in _STARTS[order]])
        data = head[tf.minimum(begin, tf.size(head)) :]
        # Behind the data there is a value in any case, should the tag be missing.
        value = tf.concat([data, tf.ones(len(tag) + 1, tf.uint8)], 0)[
            _place(data, tag) + len(tag)
        ]
        found = tf.maximum(found, tf.cast(value, tf.int32))
    return tf.where(found <= 8, found, 1)


def _place(data: tf.Tensor, wanted: bytes) -> tf.Tensor:
    """Returns where `wanted` first begins in bytes [n]; n if it does not."""
    size = tf.size(data)
    begins = tf.range(tf.maximum(size - len(wanted) + 1, 0))
    windows = tf.gather(data, begins[:, None] + tf.range(len(wanted)))
    found = tf.reduce_all(windows == tf.constant(list(wanted), tf.uint8), axis=1)
    return tf.reduce_min(tf.concat([tf.where(found, begins, size), [size]], 0))


def _upright(pixels: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turns pixels [H, W, 3] that a camera stored in this orientation."""

    def is_one_of(*orientations: int) -> tf.Tensor:
        return tf.reduce_any(orientation == tf.constant(orientations))

    def along_if(condition: tf.Tensor, axis: int, image: tf.Tensor) -> tf.Tensor:
        return tf.cond(condition, lambda: tf.reverse(image, [axis]), lambda: image)

    pixels = tf.cond(
        orientation >= 5, lambda: tf.transpose(pixels, (1, 0, 2)), lambda: pixels
    )
    pixels = along_if(is_one_of(2, 3, 6, 7), 1, pixels)
    pixels = along_if(is_one_of(3, 4, 7, 8), 0, pixels)
    return tf.ensure_shape(pixels, [None, None, 3])
