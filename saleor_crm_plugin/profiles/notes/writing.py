"""Notes of staff about a customer: added and deleted, never edited, so that author and time stay true of the text."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import DEFAULT_DB_ALIAS, transaction

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.profiles.notes.models import NOTE_MAX_LENGTH, CustomerNote
from saleor_crm_plugin.profiles.present import checked_text, lock_customers

# More than anybody reads; whatever writes more is a log.
NOTES_PER_CUSTOMER: Final = 500


def add_note(profile_id: int, text: str, actor: Actor, now: datetime, using: str | None = None) -> CustomerNote:
    """
    Raises:
        CustomerInputError: an empty or too long text, no such customer, or too many notes about them.
    """
    alias = using or DEFAULT_DB_ALIAS
    checked = checked_text(text, NOTE_MAX_LENGTH, "text")
    if not checked:
        raise CustomerInputError("Say what is to be kept in mind.", "REQUIRED", "text")
    with transaction.atomic(using=alias):
        customer = lock_customers([profile_id], "id", alias)[profile_id]
        notes = CustomerNote.objects.using(alias).filter(profile_id=customer)
        if notes.count() >= NOTES_PER_CUSTOMER:
            raise CustomerInputError(
                f"There are {NOTES_PER_CUSTOMER} notes about the customer. Delete some first.", "LIMIT_REACHED"
            )
        return notes.create(profile_id=customer, text=checked, actor_type=actor.type, actor_id=actor.id, created_at=now)


def delete_note(note_id: int, using: str | None = None) -> int:
    """Delete a note for good: it may hold what should never have been written down.

    Returns:
        The profile that it was about.

    Raises:
        CustomerInputError: there is no such note (any more).
    """
    alias = using or DEFAULT_DB_ALIAS
    with transaction.atomic(using=alias):
        note = CustomerNote.objects.using(alias).select_for_update(of=("self",)).filter(pk=note_id).first()
        if note is None:
            raise CustomerInputError("There is no such note.", "NOT_FOUND", "id")
        note.delete()
    return note.profile_id
