"""Rooms: procedural rooms with exact labels (see README.md)."""
