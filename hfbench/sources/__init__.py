"""Sources: from a clip's ``src`` to a regular file on disk, in the project or downloaded."""

from hfbench.sources.policy import SourcePolicy, SourceProblem, SourceProblemKind
from hfbench.sources.resolve import is_remote, load_fetch, resolve_source

__all__ = ["SourcePolicy", "SourceProblem", "SourceProblemKind", "is_remote", "load_fetch", "resolve_source"]
