"""``hfbench fixtures``: the commands of ``fixtures_gen``, which also run without hfbench."""

from fixtures_gen.__main__ import main as command

__all__ = ["command"]
