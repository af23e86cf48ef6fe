"""Cityscapes-Zurich: street frames with 30 classes and the classes present as label."""

if not __name__.partition(".")[2]:
    # `tfds build datasets/cityscapes_zurich` imports this folder by its name alone.
    import standalone

    standalone.find_our_package()
