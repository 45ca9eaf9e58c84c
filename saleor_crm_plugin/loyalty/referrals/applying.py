"""A friend applies a code. What is refused is kept for staff, with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.accounts import lock_open, with_merged
from saleor_crm_plugin.loyalty.referrals.mailboxes import mailbox_at
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode, ReferralStatus, RefusalReason
from saleor_crm_plugin.loyalty.rules.definition import Trigger
from saleor_crm_plugin.loyalty.rules.storage import live_rules

# Codes cannot be guessed at this rate: 50 bits, and one account has so many tries.
MAX_ATTEMPTS: Final = 10
ATTEMPTS_WITHIN: Final = timedelta(hours=1)

# What the friend is told. Nothing of it says whose code it is.
MESSAGES: Final = {
    RefusalReason.NOT_FOUND: "There is no such code. Check the spelling.",
    RefusalReason.SELF_REFERRAL: "This is your own code: give it to a friend.",
    RefusalReason.ALREADY_CUSTOMER: "A code counts before the first order only.",
    RefusalReason.ALREADY_REFERRED: "A customer can be referred only once.",
}


@dataclass(frozen=True, slots=True)
class Applicant:
    """
    Attributes:
        is_customer: has bought something.
        is_referrer: the code is the applicant's own, or of another account with the same mailbox.
        mailbox: that of the applicant's address (`mailbox_of`).
    """

    account_id: int
    mailbox: str
    is_customer: bool
    is_referrer: bool


def require_rewards(program_id: int, now: datetime, using: str = "default") -> None:
    """
    Raises:
        LoyaltyInputError: `LOYALTY_DISABLED`: no rule gives anything for a referral.
    """
    definitions = [rule.definition for rule in live_rules(program_id, using) if not rule.is_dry_run]
    if not any(
        definition.trigger == Trigger.REFERRAL and (definition.ends_at is None or now < definition.ends_at)
        for definition in definitions
    ):
        raise LoyaltyInputError("The shop does not reward referrals at present.", "LOYALTY_DISABLED")


def apply_code(applicant: Applicant, code: ReferralCode | None, now: datetime, using: str = "default") -> Referral:
    """Note that the applicant was brought by whoever has the code.

    Args:
        code: None if what was entered is nobody's.

    Raises:
        LoyaltyInputError: `NOT_FOUND`, `SELF_REFERRAL`, `ALREADY_CUSTOMER`, `ALREADY_REFERRED`, which are kept; and
            `TOO_MANY_ATTEMPTS`, which is not.
        AccountClosedError: the applicant was deleted on request, and nothing is kept.
    """
    with transaction.atomic(using=using):
        # One attempt at a time.
        lock_open(applicant.account_id, using)
        # Who was merged into the applicant was the applicant.
        own = Referral.objects.using(using).filter(friend_id__in=with_merged([applicant.account_id], using))
        if own.filter(applied_at__gt=now - ATTEMPTS_WITHIN).count() >= MAX_ATTEMPTS:
            raise LoyaltyInputError("Too many attempts: try again in an hour.", "TOO_MANY_ATTEMPTS", "code")
        was_referred = own.exclude(status=ReferralStatus.REFUSED).exists()
        if code is not None and not was_referred:
            was_referred = _has_brought(code, applicant.mailbox, using)
        refusal = _refusal(applicant, code, was_referred=was_referred)
        referral = Referral.objects.using(using).create(
            code=code,
            friend_id=applicant.account_id,
            status=ReferralStatus.REFUSED if refusal else ReferralStatus.APPLIED,
            refusal=refusal or "",
            applied_at=now,
            decided_at=now,
        )
    if refusal:
        raise LoyaltyInputError(MESSAGES[refusal], refusal.name, "code")
    return referral


def _has_brought(code: ReferralCode, mailbox: str, using: str) -> bool:
    """Whether the code has brought somebody with the same mailbox. The caller has a transaction. Two statements.

    The second reads all whom the code has brought: 60 ms for 10,000.
    """
    # Of two friends with one mailbox, the second waits here for the first.
    list(ReferralCode.objects.using(using).select_for_update(no_key=True).filter(pk=code.pk).values_list("pk"))
    brought = Referral.objects.using(using).filter(code=code).exclude(status=ReferralStatus.REFUSED)
    return brought.alias(mailbox=mailbox_at("friend__profile__user__email")).filter(mailbox=mailbox).exists()


def _refusal(applicant: Applicant, code: ReferralCode | None, *, was_referred: bool) -> RefusalReason | None:
    if code is not None and (applicant.is_referrer or code.account_id == applicant.account_id):
        return RefusalReason.SELF_REFERRAL
    if was_referred:
        return RefusalReason.ALREADY_REFERRED
    if applicant.is_customer:
        return RefusalReason.ALREADY_CUSTOMER
    return RefusalReason.NOT_FOUND if code is None else None
