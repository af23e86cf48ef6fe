"""NYU Depth V2: indoor frames with 40 classes, depth, surface normals and scenes."""
