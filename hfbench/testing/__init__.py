"""Fakes and conformance suites for the seams, for hfbench's own tests and for third parties'."""
