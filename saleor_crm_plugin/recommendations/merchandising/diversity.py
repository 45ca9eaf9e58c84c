"""How much of the same any ten products in a row may hold. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from saleor_crm_plugin.recommendations.merchandising.policy import WINDOW, ListPolicy

if TYPE_CHECKING:
    from saleor_crm_plugin.recommendations.merchandising.reranking import Candidate

# A brand or a category, by its kind and id.
Group = tuple[str, int]


class Diversity:
    """What may still come to a place, given what is around it.

    Args:
        ahead: what is certain to stand at places further on; it counts there, too.
    """

    def __init__(self, policy: ListPolicy, ahead: Mapping[int, Candidate]) -> None:
        self._limits = {}
        if policy.limits_brands:
            self._limits["brand"] = policy.brand_limit or 0
        if policy.category_limit is not None:
            self._limits["category"] = policy.category_limit
        self._at = {place: self.groups(one) for place, one in ahead.items()}

    def groups(self, one: Candidate) -> frozenset[Group]:
        """The groups of a product that are limited."""
        found: set[Group] = set()
        if "brand" in self._limits:
            found.update(("brand", brand_id) for brand_id in one.brand_ids)
        if "category" in self._limits and one.category_id is not None:
            found.add(("category", one.category_id))
        return frozenset(found)

    def put(self, place: int, one: Candidate) -> None:
        if self._limits:
            self._at[place] = self.groups(one)

    def blocked(self, place: int) -> frozenset[Group]:
        """The groups of which one more at this place would be too many in some ten in a row."""
        if not self._limits:
            return frozenset()
        # The ten that ends here, then each one further on, to the one that begins here.
        counts: Counter[Group] = Counter()
        for near in range(place - WINDOW + 1, place):
            counts.update(self._at.get(near, ()))
        blocked = self._full(counts)
        for step in range(1, WINDOW):
            counts.subtract(self._at.get(place - WINDOW + step, ()))
            entering = self._at.get(place + step, ())
            if entering:
                counts.update(entering)
                blocked |= self._full(counts)
        return frozenset(blocked)

    def _full(self, counts: Counter[Group]) -> set[Group]:
        return {group for group, count in counts.items() if count >= self._limits[group[0]]}
