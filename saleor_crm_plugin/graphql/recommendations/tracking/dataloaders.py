"""What visitors looked at last: one statement for all that ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.reasons import Recommendation
from saleor_crm_plugin.recommendations.serving import Asked, Scope, serve


class Visitor(NamedTuple):
    """Whose list it is: `session` is a digest; either may be None."""

    profile_id: int | None
    session: UUID | None
    scope: Scope


class RecentlyViewedLoader(DataLoader):
    """A list of `Recommendation` for each `Visitor`."""

    context_key = "saleor_crm_plugin.recently_viewed"

    def batch_load(self, keys: Sequence[Visitor]) -> list[list[Recommendation]]:
        by_scope: dict[Scope, list[Visitor]] = {}
        for key in dict.fromkeys(keys):
            by_scope.setdefault(key.scope, []).append(key)
        found: dict[Visitor, list[Recommendation]] = {}
        for scope, visitors in by_scope.items():
            asked = [Asked(visitor.profile_id, session=visitor.session) for visitor in visitors]
            found.update(zip(visitors, serve(asked, scope, self.database_connection_name), strict=True))
        return [found[key] for key in keys]


def viewed_scope(channel_id: int, first: int) -> Scope:
    return Scope(channel_id, RecommendationKind.RECENTLY_VIEWED, first)
