"""Stores what type customers are. What staff have said stands until they take it back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from saleor_crm_plugin.actors import SYSTEM, Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.customer_types.rules import Cause, Domains, Kind, Signs, kind_of
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind

# Rows in the order of ids, as everybody takes them. `was` is what stood there when the statement began; a row that
# somebody else was writing is looked at again once they are done.
_STORE = """
WITH wanted AS (
    SELECT * FROM unnest(%s::bigint[], %s::text[]) AS given (id, kind)
), was AS (
    SELECT profile.id, profile.customer_type
    FROM crm_customer_profile profile JOIN wanted USING (id)
    WHERE NOT customer_type_by_hand AND customer_type <> kind
    ORDER BY profile.id
    FOR NO KEY UPDATE OF profile
)
UPDATE crm_customer_profile profile
SET customer_type = wanted.kind
FROM wanted JOIN was USING (id)
WHERE profile.id = wanted.id
RETURNING profile.id, was.customer_type
"""


def store_types(signs: Mapping[int, Signs], domains: Domains, now: datetime, using: str | None = None) -> int:
    """Set the type of these customers by the rule, and record what changes. Two SQL statements at most.

    Args:
        signs: by profile id.

    Returns:
        The number of customers whose type is another now.
    """
    alias = using or DEFAULT_DB_ALIAS
    found = {profile_id: kind_of(signs[profile_id], domains) for profile_id in sorted(signs)}
    if not found:
        return 0
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute(_STORE, [list(found), [kind.value for kind, _ in found.values()]])
        changed: list[tuple[int, str]] = cursor.fetchall()
        record([_event(pk, Kind(old), *found[pk], now, SYSTEM) for pk, old in changed], alias)
    return len(changed)


def set_type(profile_id: int, kind: Kind | None, by_rule: tuple[Kind, Cause], actor: Actor, now: datetime) -> bool:
    """Say what type a customer is, whatever the rule says; with None, leave it to the rule again.

    Args:
        by_rule: what the rule says.

    Returns:
        Whether that is another type than before.

    Raises:
        CustomerInputError: the profile was merged into another, or erased.
    """
    with transaction.atomic():
        profile = CustomerProfile.objects.select_for_update(no_key=True).get(pk=profile_id)
        if profile.merged_into_id is not None or profile.erased_at is not None:
            raise CustomerInputError(
                "This profile was merged into another one. Set the type of that one."
                if profile.merged_into_id is not None
                else "This customer's data was erased; nothing is kept about them any more.",
                "NOT_APPLICABLE",
            )
        wanted, cause = by_rule if kind is None else (kind, Cause.BY_HAND)
        old = Kind(profile.customer_type)
        profile.customer_type, profile.customer_type_by_hand = wanted.value, kind is not None
        profile.save(update_fields=["customer_type", "customer_type_by_hand"])
        if wanted != old:
            record([_event(profile_id, old, wanted, cause, now, actor)])
    return wanted != old


def _event(profile_id: int, old: Kind, new: Kind, cause: Cause, now: datetime, actor: Actor) -> Event:
    return Event(
        profile_id=profile_id,
        kind=EventKind.CUSTOMER_TYPE_CHANGED,
        happened_at=now,
        # Recorded with the new type or not at all, so nobody can come to the same change twice.
        key=f"customer_type:{profile_id}:{old}:{new}:{now.timestamp():.6f}",
        actor=actor,
        details={"from": old.value, "to": new.value, "cause": cause.value},
    )
