"""What the encoder knows, and how far generated images are from real ones."""
