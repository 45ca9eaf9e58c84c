"""What customers say about consent, written down; who may be profiled follows in the same transaction.

`CustomerProfile.profiling_allowed` and `recommendations_allowed` are kept by a trigger on the records (migration
`staff`), from the one definition there is, the SQL function `crm_consents_allow`: the newest record of the purpose, or
where there is none, what silence means (`ConsentPolicy`). Nobody gets recommendations who refuses profiling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from saleor_crm_plugin.actors import Actor, ActorType
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.consents.enforcement import Refusals, enforce_consents
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentRecord, ConsentState
from saleor_crm_plugin.profiles.present import checked_text, lock_customers

SOURCE_MAX_LENGTH: Final[int] = ConsentRecord._meta.get_field("source").max_length or 0
TEXT_VERSION_MAX_LENGTH: Final[int] = ConsentRecord._meta.get_field("text_version").max_length or 0

# Records of one customer in 24 hours. Nobody changes their mind so often; a script that does would fill the table.
DAILY_LIMIT: Final = 100
_DAY: Final = timedelta(days=1)

# What was said before in the same words is not said again; nor, beyond the limit, is a refusal in other words.
_RECORD = """
INSERT INTO crm_consent_record
    (profile_id, purpose, state, source, text_version, actor_type, actor_id, recorded_at)
SELECT %s, said.purpose, said.state, said.source, said.text_version, %s, %s, %s
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[]) AS said (purpose, state, source, text_version)
LEFT JOIN LATERAL (
    SELECT newest.state, newest.text_version FROM crm_consent_record newest
    WHERE newest.profile_id = %s AND newest.purpose = said.purpose
    ORDER BY newest.id DESC LIMIT 1
) kept ON true
WHERE (kept.state, kept.text_version) IS DISTINCT FROM (said.state, said.text_version)
    AND NOT (%s AND said.state = 'refused' AND kept.state IS NOT DISTINCT FROM 'refused')
ORDER BY said.purpose
RETURNING state
"""


@dataclass(frozen=True, slots=True)
class Consent:
    """One thing that a customer has said.

    Attributes:
        source: where, in the shop's words. text_version: of which text.
    """

    purpose: ConsentPurpose
    state: ConsentState
    source: str = ""
    text_version: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of it: the profile that stands for the customer, new records, and what may not be done any more."""

    profile_id: int
    new: int
    refusals: Refusals


def record_consents(
    profile_id: int, consents: Sequence[Consent], actor: Actor, now: datetime, using: str | None = None
) -> Recorded:
    """Store what is new; blank what may not be known any more. The same again changes nothing.

    Customers who have said more than `DAILY_LIMIT` things within a day can refuse, as they always can, and not agree
    to anything new.

    Raises:
        CustomerInputError: nothing is said, a purpose twice, a text that is too long, more than the limit, or there is
            no such customer.
    """
    alias = using or DEFAULT_DB_ALIAS
    said = _checked(consents)
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        customer = lock_customers([profile_id], "id", alias)[profile_id]
        is_too_much = actor.type == ActorType.CUSTOMER and _said_lately(customer, now, alias) >= DAILY_LIMIT
        columns: list[Any] = [
            [consent.purpose.value for consent in said],
            [consent.state.value for consent in said],
            [consent.source for consent in said],
            [consent.text_version for consent in said],
        ]
        cursor.execute(_RECORD, [customer, actor.type.value, actor.id, now, *columns, customer, is_too_much])
        # A form sends all that it shows: what says nothing new has to stand in no refusal's way.
        if is_too_much and (ConsentState.GRANTED.value,) in cursor.fetchall():
            raise CustomerInputError("Too many changes in a day. Try again tomorrow.", "LIMIT_REACHED", "consents")
        return Recorded(customer, cursor.rowcount, enforce_consents([customer], alias))


def _said_lately(profile_id: int, now: datetime, alias: str) -> int:
    records = ConsentRecord.objects.using(alias).filter(profile_id=profile_id, actor_type=ActorType.CUSTOMER)
    return records.filter(recorded_at__gt=now - _DAY).count()


def _checked(consents: Sequence[Consent]) -> list[Consent]:
    if not consents:
        raise CustomerInputError("Say what the customer agrees to or refuses.", "REQUIRED", "consents")
    if len({consent.purpose for consent in consents}) < len(consents):
        raise CustomerInputError("Name each purpose once.", "INVALID", "consents")
    return [
        Consent(
            consent.purpose,
            consent.state,
            checked_text(consent.source, SOURCE_MAX_LENGTH, "source"),
            checked_text(consent.text_version, TEXT_VERSION_MAX_LENGTH, "textVersion"),
        )
        for consent in consents
    ]
