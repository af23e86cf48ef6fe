"""Settings: their flags and files, and which of them cannot stand together."""
