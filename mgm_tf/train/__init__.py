"""A training run: composed of settings, trained in stages, kept in a folder."""
