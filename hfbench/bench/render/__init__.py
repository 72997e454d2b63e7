"""Bench.render and frame_check."""
