"""Tags on and off, for many customers at once. What changes is an event of the customer; a repeat is none.

A tag is one word or a few, in lower case: letters and digits of any script, blanks, and `_ - . : / & +` between them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.notes.models import TAG_MAX_LENGTH
from saleor_crm_plugin.profiles.present import lock_customers
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind

# 2,000 tags and as many events in one transaction: 0.1 s.
TAGS_PER_CALL: Final = 20
CUSTOMERS_PER_CALL: Final = 100
# A list that staff can still read; whatever has more values is no tag.
TAGS_PER_CUSTOMER: Final = 50

_TAG = re.compile(r"\w(?:[\w \-.:/&+]*\w)?")

_ASSIGN = """
INSERT INTO crm_customer_tag (profile_id, name, actor_type, actor_id, assigned_at)
SELECT profile_id, name, %s, %s, %s
FROM unnest(%s::bigint[]) AS profiles (profile_id) CROSS JOIN unnest(%s::text[]) AS names (name)
ORDER BY profile_id, name
ON CONFLICT (profile_id, name) DO NOTHING
RETURNING id, profile_id, name
"""
_FULL = """
SELECT 1 FROM crm_customer_tag WHERE profile_id = ANY (%s::bigint[])
GROUP BY profile_id HAVING count(*) > %s LIMIT 1
"""
_UNASSIGN = """
DELETE FROM crm_customer_tag WHERE profile_id = ANY (%s::bigint[]) AND name = ANY (%s::text[])
RETURNING id, profile_id, name
"""


@dataclass(frozen=True, slots=True)
class Tagged:
    """The customers that were meant (`profile_ids`, those who stand for them), and how many tags changed."""

    profile_ids: list[int]
    changed: int


def normalize_tag(text: str) -> str:
    """A tag as it is stored: composed Unicode (NFKC), lower case, single blanks.

    Raises:
        CustomerInputError: nothing is left, it is too long, or it has a character that a tag cannot have.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).lower().split())
    if not name:
        raise CustomerInputError("A tag needs at least one letter or digit.", "REQUIRED", "tags")
    if len(name) > TAG_MAX_LENGTH:
        raise CustomerInputError(f"A tag has at most {TAG_MAX_LENGTH} characters.", "INVALID", "tags")
    if not _TAG.fullmatch(name):
        raise CustomerInputError(
            f"{name!r} is no tag: it starts and ends with a letter or digit, and has only letters, digits, blanks and "
            "_ - . : / & + between them.",
            "INVALID",
            "tags",
        )
    return name


def assign_tags(
    profile_ids: Sequence[int], tags: Sequence[str], actor: Actor, now: datetime, using: str | None = None
) -> Tagged:
    """Put each of the tags on each of the customers. Five SQL statements, whatever their number.

    Raises:
        CustomerInputError: see `normalize_tag` and `lock_customers`; too many in one call; a customer would have more
            than `TAGS_PER_CUSTOMER`.
    """
    alias = using or DEFAULT_DB_ALIAS
    names = _checked(profile_ids, tags)
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        customers = sorted(set(lock_customers(profile_ids, "ids", alias).values()))
        cursor.execute(_ASSIGN, [actor.type.value, actor.id, now, customers, names])
        changes = cursor.fetchall()
        # Whoever was merged may have had more before.
        cursor.execute(_FULL, [sorted({profile_id for _, profile_id, _ in changes}), TAGS_PER_CUSTOMER])
        if cursor.fetchone():
            raise CustomerInputError(
                f"A customer has at most {TAGS_PER_CUSTOMER} tags. Take some off first.", "LIMIT_REACHED", "tags"
            )
        _record(EventKind.TAG_ASSIGNED, "assigned", changes, actor, now, alias)
    return Tagged(customers, len(changes))


def unassign_tags(
    profile_ids: Sequence[int], tags: Sequence[str], actor: Actor, now: datetime, using: str | None = None
) -> Tagged:
    """Take each of the tags off each of the customers; what is not there is left so. Four SQL statements.

    Raises:
        CustomerInputError: as `assign_tags`, but for the limit of a customer.
    """
    alias = using or DEFAULT_DB_ALIAS
    names = _checked(profile_ids, tags)
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        customers = sorted(set(lock_customers(profile_ids, "ids", alias).values()))
        cursor.execute(_UNASSIGN, [customers, names])
        changes = cursor.fetchall()
        _record(EventKind.TAG_UNASSIGNED, "unassigned", changes, actor, now, alias)
    return Tagged(customers, len(changes))


def _checked(profile_ids: Sequence[int], tags: Sequence[str]) -> list[str]:
    if not profile_ids:
        raise CustomerInputError("Name at least one customer.", "REQUIRED", "ids")
    if len(profile_ids) > CUSTOMERS_PER_CALL:
        raise CustomerInputError(f"At most {CUSTOMERS_PER_CALL} customers in one call.", "LIMIT_REACHED", "ids")
    if not tags:
        raise CustomerInputError("Name at least one tag.", "REQUIRED", "tags")
    if len(tags) > TAGS_PER_CALL:
        raise CustomerInputError(f"At most {TAGS_PER_CALL} tags in one call.", "LIMIT_REACHED", "tags")
    return sorted({normalize_tag(tag) for tag in tags})


def _record(
    kind: EventKind,
    verb: str,
    changes: Collection[tuple[int, int, str]],
    actor: Actor,
    now: datetime,
    using: str,
) -> None:
    """One event for each row that came or went: the row's number makes the key, since a tag can come again."""
    record(
        [
            Event(profile_id, kind, now, f"tag:{row_id}:{verb}", actor=actor, details={"tag": name})
            for row_id, profile_id, name in changes
        ],
        using,
    )
