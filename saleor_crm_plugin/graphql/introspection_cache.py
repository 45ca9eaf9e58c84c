"""Keeps answers to introspection that were cached before us from being served after us.

Saleor keeps them in the shop's cache for seven days (`CACHE_TIMEOUT`), under a key of its own version and the query. So
after an installation or an upgrade of this plugin, API explorers and code generators would see the schema of before,
and while pods are replaced one after the other, old pods would go on to store it. With our version in the key, each
schema has answers of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

from saleor_crm_plugin import __version__

VIEWS_MODULE = "saleor.graphql.views"


def separate(views: ModuleType, is_extended: Callable[[Any], bool]) -> None:
    """Put our version into the view's cache key for as long as its schema has our fields."""
    saleors_key = getattr(views, "generate_cache_key", None)
    if saleors_key is None:
        # A Saleor that caches no introspection has nothing to separate.
        return

    @functools.wraps(saleors_key)
    def generate_cache_key(raw_query: str) -> str:
        key: str = saleors_key(raw_query)
        return f"{key}-saleor-crm-plugin-{__version__}" if is_extended(views.schema) else key

    views.generate_cache_key = generate_cache_key  # type: ignore[attr-defined]
