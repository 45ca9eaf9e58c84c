"""A customer is forgotten, over all three domains, in one transaction.

Works while the customer's user exists in Saleor and after it is gone: nothing is read from Saleor but which of its
orders we have not stored (`unread_orders`). While the user exists, the profile keeps its id, so that what they order
from then on does not make a new person of them.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from django.utils import timezone
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.ingestion.unread_orders import forget_unread_orders
from saleor_crm_plugin.loyalty import privacy as points
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent, record_consents
from saleor_crm_plugin.profiles.merging.family import change_families, families, heads_of, unless_busy
from saleor_crm_plugin.profiles.models import CustomerProfile, ErasureLevel
from saleor_crm_plugin.profiles.privacy.erasing import (
    forget_merges,
    forget_types,
    mark_erased,
    reaches,
    remove_facts,
    remove_texts,
)
from saleor_crm_plugin.profiles.privacy.models import DataRequest, RequestKind
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind
from saleor_crm_plugin.recommendations.privacy import forget_customers

USING: Final = "default"
REFUSALS: Final = tuple(Consent(purpose, ConsentState.REFUSED, "erasure", "") for purpose in ConsentPurpose)


def erase_customer(profile_id: int, level: ErasureLevel, actor: Actor, now: datetime | None = None) -> DataRequest:
    """`erase_customers` for one."""
    (request,) = erase_customers([profile_id], level, actor, now)
    return request


@allow_writer()
def erase_customers(
    profile_ids: Collection[int], level: ErasureLevel, actor: Actor, now: datetime | None = None
) -> list[DataRequest]:
    """Forget customers, with the profiles that were merged into theirs: all of them or, if one is refused, none.
    Repeating it finds nothing left to do.

    Returns:
        One for each customer, in the order of the profiles.

    Raises:
        CustomerInputError: `NOT_FOUND`; `INVALID`: no level; `NOT_APPLICABLE`: to be deleted, and a checkout holds
            points. Nothing has been written.
        CustomersBusyError: something else is being written about them. Nothing has been written.
    """
    if level == ErasureLevel.NONE:
        raise CustomerInputError("Say how far the customer is to be forgotten.", "INVALID", "level")
    now = now or timezone.now()
    with unless_busy(), transaction.atomic(using=USING):
        change_families(USING)
        head_of = heads_of(profile_ids, USING)
        if not head_of.keys() >= set(profile_ids):
            raise CustomerInputError("There is no such customer.", "NOT_FOUND", "id")
        by_head = families([head_of[profile_id] for profile_id in profile_ids], USING)
        everybody = [member for family in by_head.values() for member in family]
        locked = CustomerProfile.objects.using(USING).filter(pk__in=everybody).order_by("pk").select_for_update()
        rows = {profile.pk: profile for profile in locked}
        for head in by_head:
            if rows[head].erased_at is None:
                record_consents(head, REFUSALS, actor, now, USING)
        # In one go: their accounts are locked in order.
        forget_family(everybody, level, now, USING)
        return [_put_on_record(head, level, actor, now) for head in by_head]


def _put_on_record(head: int, level: ErasureLevel, actor: Actor, now: datetime) -> DataRequest:
    request = DataRequest.objects.create(
        kind=RequestKind.ERASURE,
        profile_id=head,
        level=level,
        actor_type=actor.type,
        actor_id=actor.id,
        created_at=now,
    )
    if not reaches(level, ErasureLevel.DELETE):
        record([_event(head, request, actor, now)], USING)
    return request


def forget_family(profile_ids: Collection[int], level: ErasureLevel, now: datetime, using: str) -> None:
    """Take away what a level takes, of persons with all profiles that were merged into theirs. The caller has locked
    them, in a transaction.

    Raises:
        CustomerInputError: `NOT_APPLICABLE`, as `erase_customers`.
    """
    family = sorted(profile_ids)
    mark_erased(family, level, now, using)
    forget_merges(family, using)
    forget_customers(family, using)
    if reaches(level, ErasureLevel.ANONYMISE):
        forget_unread_orders(family, using, with_users=reaches(level, ErasureLevel.DELETE))
        remove_texts(family, using)
        forget_types(family, using)
        points.blank_texts(family, using)
    if reaches(level, ErasureLevel.DELETE):
        points.close_accounts(family, now, using)
        orders = remove_facts(family, using)
        OrderSync.objects.using(using).filter(order_id__in=orders).update(is_forgotten=True, error="")


def _event(profile_id: int, request: DataRequest, actor: Actor, now: datetime) -> Event:
    return Event(
        profile_id,
        EventKind.DATA_ERASED,
        now,
        f"data-request:{request.pk}",
        actor=actor,
        details={"level": request.level},
    )
