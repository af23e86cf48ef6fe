"""Layers: normalization, spectral kernels, self-attention."""
