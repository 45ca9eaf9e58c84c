"""Customers get a code to give away, and apply one that they were given."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone
from saleor.account.models import User
from saleor.order.models import Order

from saleor_crm_plugin.ingestion.snapshots import NOT_A_PURCHASE
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.referrals import applying, codes
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from saleor_crm_plugin.loyalty.referrals.sameness import mailbox_of
from saleor_crm_plugin.profiles.identity import (
    GuestPerson,
    Person,
    UserPerson,
    find_profiles,
    normalize_email,
    resolve_profiles,
)
from saleor_crm_plugin.profiles.traits import buyers

USING = "default"


def create_code(user: User, now: datetime | None = None) -> ReferralCode:
    """The customer's code; the first call makes one, and opens an account.

    Raises:
        LoyaltyInputError: `LOYALTY_DISABLED`.
        AccountClosedError: the customer was deleted on request.
    """
    applying.require_rewards(accounts.default_program_id(), now or timezone.now())
    return codes.code_of(_account_of(user))


def apply_code(user: User, entered: str, now: datetime | None = None) -> Referral:
    """The customer was brought by whoever has the code.

    Raises:
        LoyaltyInputError: as `applying.apply_code`, and `LOYALTY_DISABLED`.
        AccountClosedError: the customer was deleted on request.
    """
    now = now or timezone.now()
    applying.require_rewards(accounts.default_program_id(), now)
    code = codes.find(entered)
    account_id = _account_of(user)
    applicant = applying.Applicant(
        account_id=account_id,
        mailbox=mailbox_of(user.email),
        is_customer=_has_bought(user),
        is_referrer=code is not None
        and (accounts.head_of(code.account).pk == account_id or _is_same_person(user, code)),
    )
    referral = applying.apply_code(applicant, code, now)
    # An order that came in meanwhile was synced without it.
    sync_orders(_orders(user).values_list("pk", flat=True))
    return referral


def _account_of(user: User) -> int:
    person = UserPerson(user.pk)
    profile_id = resolve_profiles([person])[person]
    return accounts.ensure(accounts.default_program_id(), [profile_id], USING)[profile_id]


def _orders(user: User) -> QuerySet[Order]:
    """Purchases of the user, and those of a guest with the user's address."""
    of_user = Q(user_id=user.pk) | Q(user_email__in={user.email, normalize_email(user.email)})
    return Order.objects.using(USING).filter(of_user).exclude(status__in=NOT_A_PURCHASE)


def _has_bought(user: User) -> bool:
    if _orders(user).exists():
        return True
    # A customer whom staff have merged with this one, or a guest who spelled the address in another way.
    persons: list[Person] = [UserPerson(user.pk), GuestPerson(normalize_email(user.email))]
    return bool(buyers(find_profiles(persons).values(), USING))


def _is_same_person(user: User, code: ReferralCode) -> bool:
    referrer = User.objects.using(USING).filter(pk=code.account.profile.user_id).first()
    return referrer is not None and mailbox_of(referrer.email) == mailbox_of(user.email)
