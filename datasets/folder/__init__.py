"""Your own photographs, with whatever labels you have of them, from a plain folder."""

if not __name__.partition(".")[2]:
    # `tfds build datasets/folder` imports this folder by its name alone.
    import standalone

    standalone.find_our_package()
