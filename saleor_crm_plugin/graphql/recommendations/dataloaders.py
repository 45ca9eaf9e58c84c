"""Recommendations for many customers, products and checkouts at once: one statement for all that ask for the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.recommendations.reasons import Recommendation
from saleor_crm_plugin.recommendations.serving import Asked, Scope, serve


class Wanted(NamedTuple):
    """Whom or what a list is for, and what kind of list it is."""

    asked: Asked
    scope: Scope


class RecommendationsLoader(DataLoader):
    """A list of `Recommendation` for each `Wanted`: one statement for each scope."""

    context_key = "saleor_crm_plugin.recommendations"

    def batch_load(self, keys: Sequence[Wanted]) -> list[list[Recommendation]]:
        by_scope: dict[Scope, list[Asked]] = {}
        for key in keys:
            by_scope.setdefault(key.scope, []).append(key.asked)
        found = {
            Wanted(one, scope): recommendations
            for scope, asked in by_scope.items()
            for one, recommendations in zip(asked, serve(asked, scope, self.database_connection_name), strict=True)
        }
        return [found[key] for key in keys]
