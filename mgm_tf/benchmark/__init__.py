"""Measures of speed: of reading, of training steps and their updates, of prediction."""
