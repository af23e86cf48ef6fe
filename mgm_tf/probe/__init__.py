"""Probes of a run: scenes from the encoder's features, KID of generated images."""
