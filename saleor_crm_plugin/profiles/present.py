"""The customers that a request is about: found, locked, and there to have something written down about them."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connections

from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.texts import can_be_stored

# Whoever was joined to another person is found there; the head is never merged itself.
_HEADS = "SELECT id, coalesce(merged_into_id, id) FROM crm_customer_profile WHERE id = ANY (%s::bigint[])"
_LOCK = """
SELECT id, erased_at IS NOT NULL FROM crm_customer_profile
WHERE id = ANY (%s::bigint[]) AND merged_into_id IS NULL ORDER BY id FOR NO KEY UPDATE
"""


def lock_customers(profile_ids: Collection[int], field: str, using: str) -> dict[int, int]:
    """Lock the profiles, in order of their ids, until the caller's transaction ends. Two SQL statements.

    Args:
        field: the argument that names them, for errors.

    Returns:
        The profile that stands for each person, by the id asked for: another one where profiles were merged.

    Raises:
        CustomerInputError: one of them does not exist, was erased, or is being merged just now.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(_HEADS, [list(profile_ids)])
        heads: dict[int, int] = dict(cursor.fetchall())
        if len(heads) < len(set(profile_ids)):
            raise CustomerInputError("There is no such customer.", "NOT_FOUND", field)
        cursor.execute(_LOCK, [sorted(set(heads.values()))])
        erased: dict[int, bool] = dict(cursor.fetchall())
    if erased.keys() != set(heads.values()):
        raise CustomerInputError(
            "The customer is being merged with another one at this moment. Try again.", "NOT_APPLICABLE", field
        )
    if any(erased.values()):
        raise CustomerInputError(
            "The customer's data was erased: nothing is written down about them any more.", "NOT_APPLICABLE", field
        )
    return heads


def checked_text(text: str, most: int, field: str) -> str:
    """The text without outer blanks.

    Raises:
        CustomerInputError: too long, or not a text that a database can hold.
    """
    stripped = text.strip()
    if len(stripped) > most:
        raise CustomerInputError(f"At most {most} characters.", "INVALID", field)
    if not can_be_stored(stripped):
        raise CustomerInputError("There is a character in it that cannot be stored.", "INVALID", field)
    return stripped
