"""What customers like, as the API shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import graphene
from promise import Promise
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.product.dataloaders.products import CategoryByIdLoader

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import checked_first
from saleor_crm_plugin.graphql.profiles.lifecycle.dataloaders import FavoriteCategoriesLoader, FavoritesOf
from saleor_crm_plugin.ingestion.favorites import Favorite


@dataclass(frozen=True, slots=True)
class ChosenCategory:
    """Root of `FavoriteCategory`."""

    category: Any
    orders_count: int
    items_count: int


class FavoriteCategory(BaseObjectType):
    category = graphene.Field(
        "saleor.graphql.product.types.Category", required=True, description="The category that the products are in."
    )
    orders_count = graphene.Int(required=True, description="Orders with something of it that was kept.")
    items_count = graphene.Int(required=True, description="Pieces of it, less those that came back or were refunded.")

    class Meta:
        description = "A category that a customer buys from." + ADDED_IN_010
        doc_category = DOC_CATEGORY_USERS


def load_favorite_categories(info: Any, profile_id: int, first: int | None) -> Promise[list[ChosenCategory]]:
    """Promise of a customer's favourites, best first; those that were deleted meanwhile are left out."""

    def with_categories(favorites: list[Favorite]) -> Promise[list[ChosenCategory]]:
        ids = [favorite.category_id for favorite in favorites]

        def chosen(categories: list[Any]) -> list[ChosenCategory]:
            return [
                ChosenCategory(category, favorite.orders, favorite.quantity)
                for category, favorite in zip(categories, favorites, strict=True)
                if category is not None
            ]

        return CategoryByIdLoader(info.context).load_many(ids).then(chosen)

    key = FavoritesOf(profile_id, checked_first(first))
    return FavoriteCategoriesLoader(info.context).load(key).then(with_categories)
