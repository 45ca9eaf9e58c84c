"""Whose an account is: looked up without a lock, and seen once more under it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db.models import Q

from saleor_crm_plugin.exceptions import AccountPassedOnError
from saleor_crm_plugin.loyalty.models import LoyaltyAccount

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def check_owner(account_id: int, user_id: int, using: str) -> None:
    """See that a locked account is still that of a user, or of whom they were merged into. One statement.

    Who waited for its lock may have waited for their own merge or separation. None of these ends while it is locked.

    Raises:
        AccountPassedOnError: it is somebody else's.
    """
    own = Q(profile__user=user_id, profile__merged_into=None) | Q(profile__merged__user=user_id)
    if not LoyaltyAccount.objects.using(using).filter(own, pk=account_id).exists():
        raise AccountPassedOnError("You have another account since. Ask again.")


def again_if_passed_on(ask: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Once `check_owner` has refused and everything is undone, look the account up anew. One more time only."""

    @wraps(ask)
    def ask_again(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return ask(*args, **kwargs)
        except AccountPassedOnError:
            return ask(*args, **kwargs)

    return ask_again
