"""Names of segments, as rules and rewards ask for them. Pure.

One set of names holds two kinds: RFM groups, in upper case (`CHAMPIONS`), and customer segments by slug, in lower case.
"""

from __future__ import annotations

from collections.abc import Iterable


def slugs_among(names: Iterable[str]) -> frozenset[str]:
    """Those of the names that are customer segments."""
    # Digits have no case, and a slug may be made of them alone.
    return frozenset(name for name in names if not name.isupper())


def groups_among(names: Iterable[str]) -> frozenset[str]:
    """Those of the names that are RFM groups."""
    return frozenset(name for name in names if name.isupper())
