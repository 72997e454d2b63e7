"""hfbench."""
