"""Predictions of an exported model for photographs."""
