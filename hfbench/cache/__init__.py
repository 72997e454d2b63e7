"""The extraction cache: content-addressed, self-healing, safe to share.

It handles folders of frames and their keys, and knows nothing about plans, media or engines. Start reading at
:mod:`hfbench.cache.store`; what is on the disk is in :mod:`hfbench.cache.layout`.
"""

from __future__ import annotations

from hfbench.cache.entries import EntryManifest
from hfbench.cache.eviction import EvictionPolicy, SweepReport
from hfbench.cache.identity import ContentIdentity, IdentityKind, SourceIdentity, StatIdentity
from hfbench.cache.key import CacheKey, KeyValue, cache_key
from hfbench.cache.leases import Lease
from hfbench.cache.root import CacheUnusableError
from hfbench.cache.sealed import JsonValue
from hfbench.cache.settings import ENVIRONMENT_VARIABLE, cache_root_from
from hfbench.cache.store import CacheInfo, EntryProblem, ExtractionCache, NotPublished

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "CacheInfo",
    "CacheKey",
    "CacheUnusableError",
    "ContentIdentity",
    "EntryManifest",
    "EntryProblem",
    "EvictionPolicy",
    "ExtractionCache",
    "IdentityKind",
    "JsonValue",
    "KeyValue",
    "Lease",
    "NotPublished",
    "SourceIdentity",
    "StatIdentity",
    "SweepReport",
    "cache_key",
    "cache_root_from",
]
