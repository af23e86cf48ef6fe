"""Weights that others have published: their files, and their place in our networks."""
