"""A customer's timeline as the API shows it. Root of an event: the entry, and whether staff are looking."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import graphene
from saleor.graphql.account.dataloaders import UserByUserIdLoader
from saleor.graphql.core.connection import CountableConnection
from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS
from saleor.graphql.core.fields import JSONString
from saleor.graphql.core.scalars import DateTime
from saleor.graphql.core.types.base import BaseObjectType
from saleor.graphql.core.types.money import Money
from saleor.graphql.order.dataloaders import OrderByIdLoader
from saleor.permission.enums import AccountPermissions, CheckoutPermissions

from saleor_crm_plugin.actors import ActorType
from saleor_crm_plugin.graphql.access import has_any_permission, is_own, require_owner_of, requires
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.lists import Page, connection_of
from saleor_crm_plugin.graphql.loyalty.numbers import as_int
from saleor_crm_plugin.graphql.orders import SEEN_BY, load_order, may_see_order
from saleor_crm_plugin.graphql.profiles.timeline.dataloaders import (
    OwnerOfCheckoutLoader,
    TimelineByProfileIdLoader,
    TimelineCountByProfileIdLoader,
)
from saleor_crm_plugin.graphql.profiles.timeline.enums import TimelineActorTypeEnum, TimelineEventKindEnum
from saleor_crm_plugin.graphql.profiles.timeline.inputs import cursor_of, position_of, selection_of
from saleor_crm_plugin.graphql.roots import Amount
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.models import SubjectType
from saleor_crm_plugin.profiles.timeline.reading import Entry

_TYPES = {
    SubjectType.USER: "User",
    SubjectType.ORDER: "Order",
    SubjectType.CHECKOUT: "Checkout",
    SubjectType.SEGMENT: "CustomerSegment",
    SubjectType.PROFILE: "CustomerProfile",
}
_STAFF = requires(AccountPermissions.MANAGE_USERS) + " Null for the customer."


class Seen(NamedTuple):
    """An entry, and whether who looks at it may see what only staff see."""

    entry: Entry
    by_staff: bool


class TimelineEvent(BaseObjectType):
    id = graphene.ID(required=True, description="Names the event among all there are. It is not the ID of a node.")
    kind = TimelineEventKindEnum(required=True, description="What happened.")
    happened_at = DateTime(required=True, description="When it happened.")
    label = graphene.String(
        description="The new tier (null: none), the type of the points' entry, the kind of the reminder, the purpose "
        "of the consent, the text of the note, or the comment. Null for all other kinds."
    )
    subject_id = graphene.ID(
        description="The ID of what it is about: an order, checkout, user, segment or profile, which may be gone. That "
        "of an order or checkout is for its customer, and for MANAGE_ORDERS or MANAGE_CHECKOUTS; null for others."
    )
    order = graphene.Field(
        "saleor.graphql.order.types.Order",
        description="The order that it is about. Null where it is gone." + SEEN_BY,
    )
    amount = graphene.Field(
        Money, description="What the order or checkout came to, or what was given back. Null for all other kinds."
    )
    quantity = graphene.Int(description="Number of items that were ordered, sent, returned, or are in the checkout.")
    points = graphene.Int(description="Points, negative where they were taken away. Null for all other kinds.")
    actor_type = TimelineActorTypeEnum(required=True, description="Who caused it.")
    actor_user = graphene.Field(
        "saleor.graphql.account.types.User",
        description="The user who caused it, if it was one." + _STAFF,
    )
    details = graphene.Field(JSONString, description="What else was recorded." + _STAFF)

    class Meta:
        description = (
            "Something that happened to a customer. Amounts, quantities and details are deleted after the days that "
            "the shop keeps them." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_USERS

    @staticmethod
    def resolve_id(root: Seen, _info: Any) -> str:
        return graphene.Node.to_global_id("TimelineEvent", f"{root.entry.source}:{root.entry.id}")

    @staticmethod
    def resolve_kind(root: Seen, _info: Any) -> str:
        return root.entry.kind

    @staticmethod
    def resolve_happened_at(root: Seen, _info: Any) -> Any:
        return root.entry.happened_at

    @staticmethod
    def resolve_label(root: Seen, _info: Any) -> str | None:
        return root.entry.label

    @staticmethod
    def resolve_subject_id(root: Seen, info: Any) -> Any:
        kind = SubjectType(root.entry.subject_type)
        type_name = _TYPES.get(kind)
        subject_id = type_name and graphene.Node.to_global_id(type_name, root.entry.subject_id)

        # Whoever has the id of an order or checkout can ask Saleor where its customer lives.
        def of_order(order: Any) -> Any:
            if order is None:
                return subject_id
            return may_see_order(info, order).then(lambda sees: subject_id if sees else None)

        def of_checkout(owner: tuple[int | None, str] | None) -> str | None:
            sees = (
                owner is None or is_own(info, *owner) or has_any_permission(info, CheckoutPermissions.MANAGE_CHECKOUTS)
            )
            return subject_id if sees else None

        if kind == SubjectType.ORDER:
            return OrderByIdLoader(info.context).load(UUID(root.entry.subject_id)).then(of_order)
        if kind == SubjectType.CHECKOUT:
            return OwnerOfCheckoutLoader(info.context).load(UUID(root.entry.subject_id)).then(of_checkout)
        return subject_id

    @staticmethod
    def resolve_order(root: Seen, info: Any) -> Any:
        is_about_order = root.entry.subject_type == SubjectType.ORDER
        return load_order(info, UUID(root.entry.subject_id)) if is_about_order else None

    @staticmethod
    def resolve_amount(root: Seen, _info: Any) -> Amount | None:
        details = root.entry.details
        if "amount" not in details or "currency" not in details:
            return None
        return Amount(Decimal(str(details["amount"])), details["currency"])

    @staticmethod
    def resolve_quantity(root: Seen, _info: Any) -> int | None:
        quantity = root.entry.details.get("quantity")
        return None if quantity is None else as_int(quantity)

    @staticmethod
    def resolve_points(root: Seen, _info: Any) -> int | None:
        points = root.entry.details.get("points")
        return None if points is None else as_int(points)

    @staticmethod
    def resolve_actor_type(root: Seen, _info: Any) -> str:
        return root.entry.actor_type

    @staticmethod
    def resolve_actor_user(root: Seen, info: Any) -> Any:
        entry = root.entry
        if not root.by_staff or entry.actor_id is None or entry.actor_type == ActorType.APP:
            return None
        return UserByUserIdLoader(info.context).load(entry.actor_id)

    @staticmethod
    def resolve_details(root: Seen, _info: Any) -> Any:
        return root.entry.details if root.by_staff else None


class TimelineEventCountableConnection(CountableConnection):
    class Meta:
        description = "A page of a customer's timeline." + ADDED_IN_010
        node = TimelineEvent
        doc_category = DOC_CATEGORY_USERS


def resolve_timeline(root: CustomerProfile, info: Any, **arguments: Any) -> Any:
    """The timeline of one profile; staff see all of it, the customer what is not internal to the shop."""
    require_owner_of(info, root, AccountPermissions.MANAGE_USERS)
    by_staff = has_any_permission(info, AccountPermissions.MANAGE_USERS)
    selection = selection_of(arguments.pop("filter", None), internal=by_staff)
    page = Page.from_arguments(info.field_name, arguments, position_of)

    def total_count() -> Any:
        return TimelineCountByProfileIdLoader(info.context).load((root.pk, selection))

    def as_connection(entries: list[Entry]) -> Any:
        seen = [Seen(entry, by_staff) for entry in entries]
        return connection_of(
            TimelineEventCountableConnection, seen, page, total_count, lambda one: cursor_of(one.entry)
        )

    return TimelineByProfileIdLoader(info.context).load((root.pk, selection, page)).then(as_connection)
