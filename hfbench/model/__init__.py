"""Frozen values that all layers above share."""
