"""Customer segments that rules and rewards name: entered by id, stored by slug, shown with what is left of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import graphene
from promise import Promise
from saleor.graphql.core.dataloaders import DataLoader
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.graphql.core.types.base import BaseObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.keys import existing_keys
from saleor_crm_plugin.loyalty.segment_names import slugs_among
from saleor_crm_plugin.profiles.segments.models import CustomerSegment
from saleor_crm_plugin.profiles.traits import segment_slugs


@dataclass(frozen=True, slots=True)
class Named:
    """Root of `NamedCustomerSegment`."""

    id: str | None
    name: str | None
    slug: str


class NamedCustomerSegment(BaseObjectType):
    """Not `CustomerSegment`, whose members are for who may manage users."""

    id = graphene.ID(description="The ID of the CustomerSegment. Null if it was deleted.")
    name = graphene.String(description="What staff call it. Null if it was deleted.")
    slug = graphene.String(required=True, description="The slug by which it is named.")

    class Meta:
        description = "A customer segment that a rule or reward names." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS


class NamedSegmentBySlugLoader(DataLoader):
    """`Named` by slug."""

    context_key = "saleor_crm_plugin.named_segment_by_slug"

    def batch_load(self, keys: Sequence[str]) -> list[Named]:
        rows = CustomerSegment.objects.using(self.database_connection_name).filter(slug__in=keys)
        found = {
            slug: Named(graphene.Node.to_global_id("CustomerSegment", pk), name, slug)
            for pk, name, slug in rows.values_list("pk", "name", "slug")
        }
        return [found.get(slug, Named(None, None, slug)) for slug in keys]


class SlugsByProfileIdLoader(DataLoader):
    """Slugs of the customer segments that a customer is in, by profile id."""

    context_key = "saleor_crm_plugin.segment_slugs_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[frozenset[str]]:
        found = segment_slugs(keys, self.database_connection_name)
        return [found.get(profile_id, frozenset()) for profile_id in keys]


def named_segments(names: Iterable[str], info: Any) -> Promise[list[Named]]:
    """Promise of the customer segments among the names, by slug."""
    return NamedSegmentBySlugLoader(info.context).load_many(sorted(slugs_among(names)))


def slugs_if_asked(names: Iterable[str], profile_id: int, info: Any) -> Promise[frozenset[str]]:
    """Promise of the slugs of the customer's segments; of none, at no cost, where no customer segment is named."""
    if not slugs_among(names):
        return Promise.resolve(frozenset())
    return SlugsByProfileIdLoader(info.context).load(profile_id)


def slugs_of(field: str, global_ids: Iterable[str]) -> frozenset[str]:
    """Slugs of the customer segments that an argument names.

    Raises:
        ValidationError, LoyaltyInputError: as `existing_keys`.
    """
    rows = CustomerSegment.objects.all()
    return frozenset(rows.filter(pk__in=existing_keys(rows, field, global_ids)).values_list("slug", flat=True))
