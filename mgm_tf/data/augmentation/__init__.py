"""Random changes of images: SimCLR, DiffAugment, geometry."""
