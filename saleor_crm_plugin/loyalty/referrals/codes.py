"""Referral codes: easy to read out, hard to guess. Ten of 32 letters and digits (without I, L, O and U): 50 bits."""

from __future__ import annotations

import re
import secrets
from typing import Final

from django.db import transaction

from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.referrals.models import ReferralCode

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH: Final = 10
# What people take for something else.
_LOOKALIKES = str.maketrans("ILO", "110")
_CODE = re.compile(f"[{ALPHABET}]{{{CODE_LENGTH}}}")


def code_of(account_id: int, using: str = "default") -> ReferralCode:
    """The account's code; the first call makes one.

    Raises:
        AccountClosedError: the account is closed, and its code would not be found.
    """
    with transaction.atomic(using=using):
        accounts.lock_open(account_id, using)
        codes = ReferralCode.objects.using(using)
        # A clash of two random codes is as likely as guessing one, and an error then is right.
        return codes.get_or_create(account_id=account_id, defaults={"code": new_code()})[0]


def find(entered: str, using: str = "default") -> ReferralCode | None:
    """The code that somebody entered, with its account and profile; of a closed or nameless account there is none.

    The code of an account that was merged into another works on, for whoever has its points now.
    """
    code = normalize(entered)
    if code is None:
        return None
    found = (
        ReferralCode.objects.using(using)
        .select_related("account__profile")
        .filter(code=code, account__profile__user__isnull=False)
        .first()
    )
    return found if found is not None and accounts.head_of(found.account).closed_at is None else None


def normalize(entered: str) -> str | None:
    """The stored spelling; small letters, spaces, dashes and lookalikes do not matter. None: no code looks so."""
    code = re.sub(r"[\s-]+", "", entered).upper().translate(_LOOKALIKES)
    return code if _CODE.fullmatch(code) else None


def new_code() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH))
