"""Tiny-Taskonomy: indoor frames with six label maps each and their scene."""

if not __name__.partition(".")[2]:
    # `tfds build datasets/tiny_taskonomy` imports this folder by its name alone.
    import standalone

    standalone.find_our_package()
