"""Profiles of one person: a head, and those that were merged into it.

A profile's own things stay with it: its user, its addresses, its notes, events and consents. Whoever shows a person
reads them of the whole family; numbers, orders and what else is computed are the head's alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db import DatabaseError, connections
from django.db.models import IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from saleor_crm_plugin.exceptions import CustomersBusyError
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.waiting import waited_too_long

HEAD: Final = Coalesce("merged_into_id", "pk")
# Of a head: the user by whom the person is shown to others. If the own one is gone, the first of those who were merged
# into it; None of guests.
ACCOUNT: Final = Coalesce(
    "user_id",
    Subquery(
        CustomerProfile.objects.filter(merged_into=OuterRef("pk"), user__isnull=False)
        .order_by("pk")
        .values("user_id")[:1]
    ),
    output_field=IntegerField(),
)

# Two-part key of PostgreSQL's advisory locks: "crm", and a number of its own.
_LOCK_KEY: Final = (0x63726D, 0x6D65726765 & 0x7FFFFFFF)
# Who keeps or changes families waits no longer than this for any other lock: a change waits for them, and everybody
# behind the change. Others hold a lock for milliseconds, a nightly job for seconds, an import of points for minutes.
PATIENCE: Final = "10s"

# `lock_timeout` for the rest of the transaction, in the same statement, unless the database has one of its own.
_BE_PATIENT: Final = """
set_config(
    'lock_timeout', CASE current_setting('lock_timeout') WHEN '0' THEN %s ELSE current_setting('lock_timeout') END, true
)
"""
_KEEP: Final = f"SELECT pg_advisory_xact_lock_shared(%s, %s), {_BE_PATIENT}"  # nosec B608  # constant
_CHANGE: Final = f"SELECT pg_advisory_xact_lock(%s, %s), {_BE_PATIENT}"  # nosec B608  # constant


def keep_families(using: str) -> None:
    """Until the transaction ends, nobody is merged or separated. Others may do the same.

    For whoever finds a person's profile and then writes for it. Before all other locks: then it cannot deadlock. For
    those it waits as long as `PATIENCE`; what then is raised, `waiting.waited_too_long` knows.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_KEEP, [*_LOCK_KEY, PATIENCE])


def change_families(using: str) -> None:
    """Wait for all who called `keep_families` or this; until the transaction ends, they wait for us, and we for nobody
    longer than `PATIENCE`.

    Merges are rare and short. So no two of them can disagree about who is the head, and an order that is synced
    meanwhile cannot end up with a profile that has just ceased to be one.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_CHANGE, [*_LOCK_KEY, PATIENCE])


@contextmanager
def unless_busy() -> Iterator[None]:
    """Around a transaction that changes families, or keeps them: say in words that somebody else has locked what it
    needs.

    Raises:
        CustomersBusyError: nothing has been written.
    """
    try:
        yield
    except DatabaseError as error:
        if not waited_too_long(error):
            raise
        raise CustomersBusyError(
            "Something is being written about these customers that takes a while, such as an import of points. Try "
            "again when it is done.",
            "NOT_APPLICABLE",
        ) from error


def head_ids(profiles: QuerySet[CustomerProfile]) -> QuerySet[CustomerProfile, int]:
    """The heads of some profiles, for use in a subquery."""
    return profiles.values_list(HEAD, flat=True)


def heads_of_users(user_ids: Collection[int]) -> QuerySet[CustomerProfile, int]:
    """The heads under which users are found, for use in a subquery."""
    return head_ids(CustomerProfile.objects.filter(user_id__in=user_ids))


def heads_of(profile_ids: Collection[int], using: str) -> dict[int, int]:
    """Head by profile id; profiles that do not exist are missing. One statement."""
    return dict(CustomerProfile.objects.using(using).filter(pk__in=profile_ids).values_list("pk", HEAD))


def with_family(heads: QuerySet[CustomerProfile]) -> QuerySet[CustomerProfile]:
    """Heads with the ids of the profiles that were merged into them (`member_ids`) and of those ones' users
    (`member_user_ids`).
    """
    members = CustomerProfile.objects.filter(merged_into=OuterRef("pk")).order_by("pk")
    return heads.annotate(
        member_ids=ArraySubquery(members.values("pk")),
        member_user_ids=ArraySubquery(members.filter(user__isnull=False).values("user_id")),
    )


def members_of(head: CustomerProfile) -> tuple[int, ...]:
    """A head that was read `with_family`, and those that were merged into it."""
    # django-stubs does not know annotations.
    return (head.pk, *head.member_ids)  # type: ignore[attr-defined]


def found_by_id(profile_ids: Collection[int], using: str) -> dict[int, CustomerProfile]:
    """The heads of profiles, read `with_family`, by the ids that were asked for and all others of their families. One
    statement.
    """
    heads = head_ids(CustomerProfile.objects.filter(pk__in=profile_ids))
    found = with_family(CustomerProfile.objects.using(using).filter(pk__in=heads))
    return {profile_id: head for head in found for profile_id in members_of(head)}


def users_of(profile: CustomerProfile) -> frozenset[int]:
    """The users of a profile and of its family, if it was read `with_family`; else its own only."""
    user_ids = [profile.user_id, *getattr(profile, "member_user_ids", ())]
    return frozenset(user_id for user_id in user_ids if user_id is not None)


def families(heads: Iterable[int], using: str) -> dict[int, list[int]]:
    """The profiles of each head, itself first. One statement."""
    found = {head: [head] for head in heads}
    members = CustomerProfile.objects.using(using).filter(merged_into_id__in=found.keys()).order_by("pk")
    for profile_id, head in members.values_list("pk", "merged_into_id"):
        assert head is not None
        found[head].append(profile_id)
    return found


def of_families(rows: QuerySet[Any], heads: Collection[int]) -> QuerySet[Any]:
    """Those of the rows, by their column `profile`, that are about the persons; `head_id` says about whom."""
    members = CustomerProfile.objects.filter(Q(pk__in=heads) | Q(merged_into__in=heads))
    return rows.filter(profile__in=members.values("pk")).annotate(
        head_id=Coalesce("profile__merged_into_id", "profile_id")
    )


def branch(profile_id: int, using: str) -> set[int]:
    """A profile and those that were merged into it, directly or not: what leaves a family together with it."""
    found, newest = {profile_id}, {profile_id}
    merges = ProfileMerge.objects.using(using).filter(undone_at__isnull=True)
    while newest:
        newest = set(merges.filter(target_id__in=newest).values_list("source_id", flat=True)) - found
        found |= newest
    return found
