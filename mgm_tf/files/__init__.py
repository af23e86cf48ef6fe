"""Files on disk: whole or not at all, read with a reason, of one writer at a time."""
