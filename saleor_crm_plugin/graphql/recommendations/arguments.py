"""The arguments that every list of recommendations takes, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import graphene
from graphql import GraphQLError
from saleor.graphql.core.types.common import NonNullList

from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.lists import DEFAULT_FIRST, FIRST_LIMIT, checked_first
from saleor_crm_plugin.recommendations.kinds import CART_KINDS, PRODUCT_KINDS, RecommendationKind
from saleor_crm_plugin.recommendations.serving import OFFSET_LIMIT


@dataclass(frozen=True, slots=True)
class ListArguments:
    """Attributes: as of `serving.Scope`."""

    first: int
    offset: int
    excluded: tuple[int, ...] = field(default=())
    category_id: int | None = None

    @classmethod
    def checked(
        cls,
        first: int | None = None,
        offset: int | None = None,
        exclude: Sequence[str] | None = None,
        category: str | None = None,
    ) -> Self:
        """An explicit null is as good as nothing said.

        Raises:
            GraphQLError: out of range, too many, or not an id of that type.
        """
        offset = offset or 0
        if not 0 <= offset <= OFFSET_LIMIT:
            raise GraphQLError(f"Argument `offset` must be between 0 and {OFFSET_LIMIT}.")
        return cls(
            first=checked_first(first),
            offset=offset,
            excluded=product_keys("exclude", exclude or ()),
            category_id=None if category is None else integer_key(category, "Category"),
        )


def product_keys(argument: str, ids: Sequence[str]) -> tuple[int, ...]:
    """
    Raises:
        GraphQLError: more than `FIRST_LIMIT`, or not an id of a product.
    """
    if len(ids) > FIRST_LIMIT:
        raise GraphQLError(f"Argument `{argument}` takes up to {FIRST_LIMIT} IDs.")
    return tuple(integer_key(id, "Product") for id in ids)


def first_argument() -> graphene.Argument:
    return graphene.Argument(
        graphene.Int, default_value=DEFAULT_FIRST, description=f"How many products, 1 to {FIRST_LIMIT}."
    )


def offset_argument() -> graphene.Argument:
    return graphene.Argument(
        graphene.Int,
        default_value=0,
        description=f"How many products to leave out at the beginning, for the next page: 0 to {OFFSET_LIMIT}.",
    )


def exclude_argument() -> graphene.Argument:
    return graphene.Argument(
        NonNullList(graphene.ID),
        description=f"Products that must not be in the list, for example those shown elsewhere; up to {FIRST_LIMIT}.",
    )


def category_argument() -> graphene.Argument:
    return graphene.Argument(
        graphene.ID,
        description="Products of this category, and of those below it, come first; a list that they do not fill goes "
        "on with others.",
    )


def kind_for(kind: str | None, product_ids: Sequence[int]) -> RecommendationKind:
    """The kind of list that is asked for, by default what fits the products given.

    Raises:
        GraphQLError: the kind needs products, or takes none.
    """
    default = RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER if product_ids else RecommendationKind.FOR_YOU
    wanted = RecommendationKind(kind or default)
    if not product_ids and wanted in PRODUCT_KINDS:
        raise GraphQLError(f"{wanted.name} needs `productIds`.")
    if product_ids and wanted not in PRODUCT_KINDS | CART_KINDS:
        raise GraphQLError(f"{wanted.name} does not take `productIds`.")
    return wanted


def list_arguments(**more: Any) -> dict[str, Any]:
    """The arguments of a list, and these."""
    return {"first": first_argument(), "offset": offset_argument(), "exclude": exclude_argument(), **more}
