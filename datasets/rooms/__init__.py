"""Rooms: procedural rooms with exact labels (see README.md)."""

if not __name__.partition(".")[2]:
    # `tfds build datasets/rooms` imports this folder by its name alone.
    import standalone

    standalone.find_our_package()
