"""The export of trained networks as a SavedModel, its check and its loading."""
