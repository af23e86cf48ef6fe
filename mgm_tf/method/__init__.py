"""The paper's method: Algorithm 1, its losses and its training step."""
