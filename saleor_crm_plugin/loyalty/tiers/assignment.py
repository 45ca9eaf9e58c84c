"""Staff give a customer a tier for some time, whatever was earned."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from saleor_crm_plugin.actors import Actor
from saleor_crm_plugin.exceptions import AccountClosedError, LoyaltyInputError
from saleor_crm_plugin.loyalty.adjustment import checked_reason
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.tiers.amounts import SpendReader
from saleor_crm_plugin.loyalty.tiers.review import Assignment, review
from saleor_crm_plugin.loyalty.tiers.scheme import load_scheme
from saleor_crm_plugin.loyalty.tiers.standing import Assigned


def assign(
    account_id: int,
    tier_id: int | None,
    until: datetime | None,
    reason: str,
    actor: Actor,
    spend: SpendReader,
    using: str = "default",
) -> None:
    """Put the account into a tier up to a moment; a higher one that was earned counts all the same.

    Args:
        tier_id: None takes an assigned tier away: what was earned counts.
        until: needed with a tier.

    Raises:
        LoyaltyInputError: `NOT_FOUND`, `REQUIRED` or `INVALID`, with the field.
        AccountClosedError: the account is closed.
    """
    now = timezone.now()
    reason = checked_reason(reason)
    account = LoyaltyAccount.objects.using(using).get(pk=account_id)
    if account.closed_at is not None:
        raise AccountClosedError("The account is closed.")
    scheme = load_scheme(account.program_id, using)
    if scheme is None and tier_id is None:
        # Where there never was a tier, nobody is in one.
        return
    tier = next((tier for tier in scheme.tiers if tier.pk == tier_id), None) if scheme else None
    if scheme is None or (tier is None and tier_id is not None):
        raise LoyaltyInputError("There is no such tier.", "NOT_FOUND", "tierId")
    if tier is not None and until is None:
        raise LoyaltyInputError("Say until when.", "REQUIRED", "until")
    if tier is not None and until is not None and until <= now:
        raise LoyaltyInputError("Give a date in the future.", "INVALID", "until")
    assigned = Assigned(tier.level, until) if tier is not None and until is not None else None
    review([account_id], scheme, spend, now, using, assignment=Assignment(assigned, actor, reason))
