"""Tests of hfbench: a folder for each package, makers of test data, oracles, and scripts that print longer tables."""
