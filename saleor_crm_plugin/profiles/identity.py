"""Who a person is, and the profile that stands for them.

A user of the shop is known by their id; a guest by the e-mail address of their orders, which proves nothing, so it
never joins two profiles. When a user has shown that an address is theirs, the guest of that address turns out to be
them (`profiles.customers`), and from then on the address leads to the user's profile, until they change it. Staff can
say that two profiles are one person (`profiles.merging`).

A `Member` is the profile that a person has of their own; its head is where they are found. Unless the two must be told
apart, "the profile" of a person is the head.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from django.contrib.auth import get_user_model
from django.contrib.postgres.expressions import ArraySubquery
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import BooleanField, Case, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Coalesce

from saleor_crm_plugin.compiled import CompiledQuery
from saleor_crm_plugin.profiles.merging.family import HEAD
from saleor_crm_plugin.profiles.models import CustomerProfile, IdentityKind, ProfileIdentity, ProfileOrder

_ASCII_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
EMAIL_KINDS = (IdentityKind.VERIFIED_EMAIL, IdentityKind.UNVERIFIED_EMAIL)

# In the order of the key: two transactions that create the same persons wait for each other instead of deadlocking.
_CREATE_FOR_USERS = """
INSERT INTO crm_customer_profile (user_id, created_at)
SELECT user_id, now() FROM unnest(%s::int[]) AS wanted (user_id) ORDER BY user_id
ON CONFLICT (user_id) DO NOTHING
"""
# The identity decides who wins: a profile is made only for an address that we were the first to store. Its number is
# drawn beforehand; the foreign key between the two rows is checked when the statement ends.
_CREATE_FOR_GUESTS = """
WITH wanted AS MATERIALIZED (
    SELECT email, nextval(pg_get_serial_sequence('crm_customer_profile', 'id')) AS profile_id
    FROM unnest(%s::text[]) AS emails (email)
), named AS (
    INSERT INTO crm_profile_identity (profile_id, kind, value, created_at)
    SELECT profile_id, %s, email, now() FROM wanted ORDER BY email
    ON CONFLICT (kind, value) DO NOTHING
    RETURNING profile_id
)
INSERT INTO crm_customer_profile (id, user_id, created_at)
SELECT profile_id, NULL, now() FROM named
"""


@dataclass(frozen=True, slots=True)
class UserPerson:
    """A user of the shop, by primary key."""

    user_id: int


@dataclass(frozen=True, slots=True)
class GuestPerson:
    """Somebody without an account, by normalized e-mail."""

    email: str

    def __repr__(self) -> str:
        # Ends up in logs and tracebacks.
        return "GuestPerson(...)"


Person = UserPerson | GuestPerson


def normalize_email(email: str | None) -> str:
    """The form in which addresses are stored and compared: outer spaces off, A-Z lowered, nothing else.

    Equal to SQL's `lower(btrim(email) COLLATE "C")`. No provider's rules (dots, plus signs), no Unicode folding: both
    would join different people.
    """
    return (email or "").strip(" ").translate(_ASCII_LOWER)


def person_of(user_id: int | None, email: str) -> Person | None:
    """Whose order it is; None if it has neither a user nor an address: such an order belongs to nobody."""
    if user_id is not None:
        return UserPerson(user_id)
    return GuestPerson(email) if email else None


class Member(NamedTuple):
    """The profile that somebody has of their own, and the one that it was merged into: itself, if it was not."""

    profile_id: int
    head_id: int


def find_profiles(
    persons: Collection[Person], using: str | None = None, kinds: Collection[IdentityKind] = EMAIL_KINDS
) -> dict[Person, int]:
    """The profiles that exist already, by person: heads. At most two SQL statements.

    Args:
        kinds: the identities by which a guest may be found; a verified one goes before an unverified one.
    """
    return {person: member.head_id for person, member in find_members(persons, using, kinds).items()}


@partial(CompiledQuery, "user_id")
def _profiles_of_users() -> QuerySet[Any, Any]:
    return CustomerProfile.objects.values_list("user_id", "pk", HEAD)


@partial(CompiledQuery, "value")
def _profiles_by_names() -> QuerySet[Any, Any]:
    names = ProfileIdentity.objects.filter(kind__in=EMAIL_KINDS)
    # "unverified" comes before "verified": the proven owner of an address overwrites the guest.
    return names.order_by("kind").values_list(
        "kind", "value", "profile_id", Coalesce("profile__merged_into_id", "profile_id")
    )


def find_members(
    persons: Collection[Person], using: str | None = None, kinds: Collection[IdentityKind] = EMAIL_KINDS
) -> dict[Person, Member]:
    """As `find_profiles`, with the profiles that are the persons' own."""
    alias = using or DEFAULT_DB_ALIAS
    found: dict[Person, Member] = {}
    user_ids = {person.user_id for person in persons if isinstance(person, UserPerson)}
    if user_ids:
        found.update({UserPerson(user_id): Member(*member) for user_id, *member in _profiles_of_users(user_ids, alias)})
    emails = {person.email for person in persons if isinstance(person, GuestPerson)}
    if emails:
        names = _profiles_by_names(emails, alias)
        found.update({GuestPerson(email): Member(*member) for kind, email, *member in names if kind in kinds})
    return found


def guest_emails(profile_ids: Collection[int], using: str) -> dict[int, str]:
    """The address by which each is known without an account, of those that have one: the own one, else that of somebody
    who was merged into them. A proven one goes first.
    """
    members = CustomerProfile.objects.filter(Q(pk__in=profile_ids) | Q(merged_into__in=profile_ids))
    names = ProfileIdentity.objects.using(using).filter(profile__in=members.values("pk"), kind__in=EMAIL_KINDS)
    own: dict[int, str] = {}
    of_merged: dict[int | None, str] = {}
    # "verified" comes last and stays.
    for profile_id, head_id, email in names.order_by("kind", "-pk").values_list(
        "profile_id", "profile__merged_into_id", "value"
    ):
        own[profile_id] = of_merged[head_id] = email
    emails = {profile_id: own.get(profile_id) or of_merged.get(profile_id) for profile_id in profile_ids}
    return {profile_id: email for profile_id, email in emails.items() if email}


def resolve_profiles(persons: Iterable[Person], using: str | None = None) -> dict[Person, int]:
    """The profile of each person; whoever has none gets one. At most six SQL statements for any number of persons.

    Safe against others doing the same at the same time: everyone gets the same profile for the same person.
    """
    return {person: member.head_id for person, member in resolve_members(persons, using).items()}


def resolve_members(persons: Iterable[Person], using: str | None = None) -> dict[Person, Member]:
    """As `resolve_profiles`, with the profiles that are the persons' own."""
    alias = using or DEFAULT_DB_ALIAS
    wanted = set(persons)
    found = find_members(wanted, alias)
    missing = wanted - found.keys()
    if not missing:
        return found
    user_ids = [person.user_id for person in missing if isinstance(person, UserPerson)]
    emails = [person.email for person in missing if isinstance(person, GuestPerson)]
    with connections[alias].cursor() as cursor:
        if user_ids:
            cursor.execute(_CREATE_FOR_USERS, [user_ids])
        if emails:
            cursor.execute(_CREATE_FOR_GUESTS, [emails, IdentityKind.UNVERIFIED_EMAIL])
    return found | find_members(missing, alias)


def resolve_owners(orders: Mapping[UUID, Person | None], using: str | None = None) -> dict[UUID, int]:
    """The profile that each order belongs to: heads. See `resolve_owning_members`."""
    return {order_id: member.head_id for order_id, member in resolve_owning_members(orders, using).items()}


def resolve_owning_members(orders: Mapping[UUID, Person | None], using: str | None = None) -> dict[UUID, Member]:
    """Whose each order is; an order that belongs to nobody is not in the answer.

    An order without a user stays with the profile that it had

    - if the address was theirs when the order came to them, and they have changed it since;
    - if the user of that profile was deleted, unless the address is proven to be somebody's: Saleor leaves the address
      on the order, but storing it as a new guest would undo the deletion.

    At most eight SQL statements for any number of orders.

    Args:
        orders: order id -> whose it is (`person_of`).
    """
    alias = using or DEFAULT_DB_ALIAS
    userless = {order_id: person for order_id, person in orders.items() if not isinstance(person, UserPerson)}
    owners, former = _keeping_owners(userless, alias) if userless else ({}, {})
    kept = {person for order_id, person in orders.items() if order_id in owners and person is not None}
    proven = find_profiles(kept, alias, kinds=[IdentityKind.VERIFIED_EMAIL]) if kept else {}
    persons = {
        order_id: person
        for order_id, person in orders.items()
        if person is not None and order_id not in former and (order_id not in owners or person in proven)
    }
    members = resolve_members(persons.values(), alias)
    return owners | former | {order_id: members[person] for order_id, person in persons.items()}


def _keeping_owners(orders: Mapping[UUID, Person | None], alias: str) -> tuple[dict[UUID, Member], dict[UUID, Member]]:
    """Those that keep an order as said above: whoever has no name, also guests who were emptied by a claim; and whoever
    had the address.
    """
    of_member = ProfileIdentity.objects.filter(profile_id=OuterRef("member"))
    living_user = get_user_model()._default_manager.filter(pk=OuterRef("member_user"))
    is_guest = Exists(of_member.filter(kind=IdentityKind.UNVERIFIED_EMAIL))
    rows = (
        ProfileOrder.objects.using(alias)
        .filter(order_id__in=orders.keys())
        .annotate(
            member=Coalesce("placed_by_id", "profile_id"),
            head=Coalesce("placed_by__merged_into_id", "placed_by_id", "profile__merged_into_id", "profile_id"),
            member_user=Case(
                When(placed_by__isnull=False, then=F("placed_by__user_id")), default=F("profile__user_id")
            ),
            former=ArraySubquery(of_member.filter(kind=IdentityKind.FORMER_EMAIL).values("value")),
        )
        .annotate(has_no_name=ExpressionWrapper(~is_guest & ~Exists(living_user), output_field=BooleanField()))
        .values_list("order_id", "member", "head", "has_no_name", "former")
    )
    nameless, left = {}, {}
    for order_id, member, head, has_no_name, former in rows:
        person = orders[order_id]
        if isinstance(person, GuestPerson) and person.email in former:
            left[order_id] = Member(member, head)
        elif has_no_name:
            nameless[order_id] = Member(member, head)
    return nameless, left
