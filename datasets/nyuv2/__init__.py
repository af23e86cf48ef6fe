"""NYU Depth V2: indoor frames with 40 classes, depth, surface normals and scenes."""

if not __name__.partition(".")[2]:
    # `tfds build datasets/nyuv2` imports this folder by its name alone.
    import standalone

    standalone.find_our_package()
