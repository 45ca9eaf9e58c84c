"""`customerProfiles`: finding customers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graphene
from django.db.models import Exists, OuterRef, Q, QuerySet
from graphql import GraphQLError
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.fields import ConnectionField
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.addition import PAGE, Addition
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.guard import guarded
from saleor_crm_plugin.graphql.lists import Page, connection_of
from saleor_crm_plugin.graphql.profiles.search.inputs import CustomerProfileSortingInput, CustomerProfileWhereInput
from saleor_crm_plugin.graphql.profiles.search.sorting import Sorting
from saleor_crm_plugin.graphql.profiles.search.where import condition_of, orders_count
from saleor_crm_plugin.graphql.profiles.types import CustomerProfileCountableConnection
from saleor_crm_plugin.profiles.identity import EMAIL_KINDS
from saleor_crm_plugin.profiles.merging.family import head_ids
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity

# Longer than any name or e-mail address; a search is one statement that reads all users.
SEARCH_MAX_LENGTH = 254
# More than names have; each is looked for in four places.
SEARCH_MAX_WORDS = 10


def resolve_customer_profiles(
    _root: Any,
    info: Any,
    *,
    search: str | None = None,
    where: Mapping[str, Any] | None = None,
    sort_by: Mapping[str, Any] | None = None,
    **arguments: Any,
) -> Any:
    # Whoever was joined to another person is found there.
    found = CustomerProfile.objects.using(get_database_connection_name(info.context)).filter(merged_into__isnull=True)
    if search and search.strip():
        found = found.filter(_named(search.strip()))
    if where:
        found = found.alias(found_orders_count=orders_count()).filter(condition_of(where))
    if _only_counts(info):
        return CustomerProfileCountableConnection(edges=[], total_count=guarded(found.count))
    sorting = Sorting.from_argument(sort_by)
    page = Page.from_arguments(info.field_name, arguments, sorting.place_of)
    rows: QuerySet[CustomerProfile] = sorting.sorted(found, page)
    return connection_of(CustomerProfileCountableConnection, list(rows), page, found.count, sorting.cursor_of)


def _named(search: str) -> Q:
    if len(search) > SEARCH_MAX_LENGTH:
        raise GraphQLError(f"Argument `search` takes up to {SEARCH_MAX_LENGTH} characters.")
    words = dict.fromkeys(search.split())
    if len(words) > SEARCH_MAX_WORDS:
        raise GraphQLError(f"Argument `search` takes up to {SEARCH_MAX_WORDS} words.")
    # A full name stands in two columns, so each word is looked for by itself.
    named = CustomerProfile.objects.filter(*map(_has, words))
    # Whoever is found by a name that was merged into another is shown as that one.
    return Q(pk__in=head_ids(named))


def _has(word: str) -> Q:
    # A former address leads to nobody.
    guests = ProfileIdentity.objects.filter(profile=OuterRef("pk"), value__icontains=word, kind__in=EMAIL_KINDS)
    by_user = [Q(**{f"user__{field}__icontains": word}) for field in ("email", "first_name", "last_name")]
    return by_user[0] | by_user[1] | by_user[2] | Q(Exists(guests))


def _only_counts(info: Any) -> bool:
    """Whether nothing but `totalCount` is asked for, which needs no page."""
    # The field stands several times where fragments that ask for parts of it are put together.
    parts = [part for field in info.field_asts for part in field.selection_set.selections]
    selected = [getattr(part, "name", None) for part in parts]
    return all(name is not None and name.value in ("totalCount", "__typename") for name in selected)


ADDITIONS = (
    Addition(
        "Query",
        "customer_profiles",
        resolve_customer_profiles,
        ConnectionField(
            CustomerProfileCountableConnection,
            search=graphene.Argument(
                graphene.String,
                description="Part of a name or e-mail address, of users and guests. Of several words, all must be "
                "found.",
            ),
            where=graphene.Argument(CustomerProfileWhereInput, description="What must be true of the customers."),
            sort_by=graphene.Argument(
                CustomerProfileSortingInput, description="How to sort. Without it, oldest first."
            ),
            description="Customers of the shop, guests included." + ADDED_IN_010,
            permissions=[AccountPermissions.MANAGE_USERS],
            doc_category=DOC_CATEGORY_USERS,
        ),
        multipliers=PAGE,
    ),
)
