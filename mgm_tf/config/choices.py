"""The names among which a flag chooses what only TensorFlow can do.

Elsewhere a table has a row for each. They stand here so that a command line can be
read, explained and refused before TensorFlow is imported, which takes seconds.
"""

# The parts of a data set.
TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")
# Keys of `export.runtimes.RUNTIMES`.
RUNTIMES = ("litert", "onnx")
# Keys of `predict.predictions.WRITERS`.
RESULTS = ("panel", "npz", "png", "ply")
