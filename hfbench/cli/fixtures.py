"""``hfbench fixtures``: the door of ``fixtures_gen``, which needs nothing of hfbench and so keeps its own."""

from fixtures_gen.__main__ import main as command

__all__ = ["command"]
