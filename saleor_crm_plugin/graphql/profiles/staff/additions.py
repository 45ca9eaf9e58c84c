"""What tags, notes and consents add to Saleor's schema."""

from __future__ import annotations

from typing import Any

import graphene
from django.db.models import Count
from graphql import GraphQLError
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.fields import PermissionsField
from saleor.graphql.core.types.common import NonNullList
from saleor.permission.enums import AccountPermissions

from saleor_crm_plugin.graphql.addition import LIST, PAGE, Addition, mutation
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import DEFAULT_FIRST, FIRST_LIMIT, checked_first
from saleor_crm_plugin.graphql.profiles.staff.mutations.customer_consent_update import CustomerConsentUpdate
from saleor_crm_plugin.graphql.profiles.staff.mutations.customer_note_add import CustomerNoteAdd
from saleor_crm_plugin.graphql.profiles.staff.mutations.customer_note_delete import CustomerNoteDelete
from saleor_crm_plugin.graphql.profiles.staff.mutations.customer_tag_assign import CustomerTagAssign
from saleor_crm_plugin.graphql.profiles.staff.mutations.customer_tag_unassign import CustomerTagUnassign
from saleor_crm_plugin.graphql.profiles.staff.types import CustomerTagCount
from saleor_crm_plugin.profiles.notes.models import TAG_MAX_LENGTH, CustomerTag


def resolve_customer_tags(
    _root: Any, info: Any, *, search: str | None = None, first: int | None = None
) -> list[CustomerTagCount]:
    limit = checked_first(first)
    # Who was merged into another keeps the tags that they had; the other one has them, too.
    tags = CustomerTag.objects.using(get_database_connection_name(info.context)).filter(
        profile__merged_into__isnull=True
    )
    text = (search or "").strip().lower()
    if len(text) > TAG_MAX_LENGTH:
        raise GraphQLError(f"Argument `search` takes up to {TAG_MAX_LENGTH} characters.")
    if text:
        tags = tags.filter(name__contains=text)
    counted = tags.values_list("name").annotate(customers=Count("pk")).order_by("-customers", "name")
    return [CustomerTagCount(name=name, customers_count=customers) for name, customers in counted[:limit]]


ADDITIONS = (
    Addition(
        "Query",
        "customer_tags",
        resolve_customer_tags,
        PermissionsField(
            NonNullList(CustomerTagCount),
            search=graphene.Argument(graphene.String, description="Part of a tag."),
            first=graphene.Argument(
                graphene.Int, default_value=DEFAULT_FIRST, description=f"How many tags, 1 to {FIRST_LIMIT}."
            ),
            description="Tags that customers have, the most frequent ones first." + ADDED_IN_010,
            permissions=[AccountPermissions.MANAGE_USERS],
            doc_category=DOC_CATEGORY_USERS,
        ),
        multipliers=LIST,
    ),
    mutation("customer_tag_assign", CustomerTagAssign.Field()),
    mutation("customer_tag_unassign", CustomerTagUnassign.Field()),
    mutation("customer_note_add", CustomerNoteAdd.Field()),
    mutation("customer_note_delete", CustomerNoteDelete.Field()),
    mutation("customer_consent_update", CustomerConsentUpdate.Field()),
)

# Of `CustomerProfile`, which `additions` joins with those of the other slices.
PROFILE_COSTS: dict[str, dict[str, Any]] = {
    "tags": {"complexity": 1},
    "notes": {"complexity": 1, "multipliers": list(PAGE)},
    "consents": {"complexity": 1},
    "consentHistory": {"complexity": 1, "multipliers": list(PAGE)},
}
TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {"CustomerActor": {"name": {"complexity": 1}}}
