"""Accounts that were created and confirmed, as events of their owners' timelines.

Saleor does not keep when an address was confirmed. Where we saw the account unconfirmed before, it is the account's
last change when we first see it confirmed; where it was confirmed from our first sight on, the moment of joining.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat
from saleor.account.models import User

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, ProfileEvent, SubjectType
from saleor_crm_plugin.waiting import wait_for_erasures

CREATED = ":0:created"
CONFIRMED = ":1:confirmed"


def record_account_events(user_ids: Collection[int], using: str | None = None) -> int:
    """Write what the timelines of these users lack; those without a profile have none. Five SQL statements at most.

    Returns:
        How many events were new.
    """
    alias = using or DEFAULT_DB_ALIAS
    profiles = dict(CustomerProfile.objects.using(alias).filter(user_id__in=user_ids).values_list("user_id", "pk"))
    users = list(
        User.objects.using(alias)
        .filter(pk__in=profiles)
        .order_by()
        .values_list("pk", "date_joined", "updated_at", "is_confirmed")
    )
    known = set(
        ProfileEvent.objects.using(alias)
        .filter(key__in=[f"user:{user_id}{CREATED}" for user_id in profiles])
        .values_list("subject_id", flat=True)
    )
    events = []
    for user_id, joined_at, updated_at, is_confirmed in users:
        confirmed_at = updated_at if str(user_id) in known else joined_at
        steps = [(EventKind.ACCOUNT_CREATED, joined_at, CREATED)]
        steps += [(EventKind.ACCOUNT_CONFIRMED, confirmed_at, CONFIRMED)] if is_confirmed else []
        events += [
            Event(profiles[user_id], kind, at, f"user:{user_id}{step}", SubjectType.USER, str(user_id))
            for kind, at, step in steps
        ]
    with transaction.atomic(using=alias, savepoint=False):
        wait_for_erasures({event.profile_id for event in events}, alias)
        return record(events, alias)


def record_missed_account_events(batch_size: int, since: datetime | None = None, using: str | None = None) -> int:
    """Do so for all who were missed; returns how many events were new.

    Args:
        since: only users who changed after it, along Saleor's index.
    """
    alias = using or DEFAULT_DB_ALIAS
    users = _missed(alias)
    if since is not None:
        users = users.filter(updated_at__gt=since)
    return sum(record_account_events(batch, alias) for batch in key_batches(users, batch_size))


def _missed(alias: str) -> QuerySet[User]:
    """Users with a profile who lack one of the two events. Along the unique index on the key."""

    def has(step: str) -> Exists:
        key = Concat(Value("user:"), Cast(OuterRef("pk"), TextField()), Value(step), output_field=TextField())
        return Exists(ProfileEvent.objects.filter(key=key))

    profile = CustomerProfile.objects.filter(user_id=OuterRef("pk"), erased_at__isnull=True)
    return User.objects.using(alias).filter(Exists(profile), ~has(CREATED) | (Q(is_confirmed=True) & ~has(CONFIRMED)))
