"""What customers like to buy: one statement for any number of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.ingestion.favorites import Favorite, favorite_categories


class FavoritesOf(NamedTuple):
    """How many favourites of whom."""

    profile_id: int
    first: int


class FavoriteCategoriesLoader(DataLoader):
    """A list of `Favorite` for each `FavoritesOf`, best first."""

    context_key = "saleor_crm_plugin.favorite_categories"

    def batch_load(self, keys: Sequence[FavoritesOf]) -> list[list[Favorite]]:
        most = max(key.first for key in keys)
        found = favorite_categories({key.profile_id for key in keys}, most, self.database_connection_name)
        return [found.get(key.profile_id, [])[: key.first] for key in keys]
