"""Longer tables than a test prints: run as ``python -m tests.scripts.NAME`` from the root of the repository."""
