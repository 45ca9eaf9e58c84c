"""Whose account staff mean."""

from __future__ import annotations

from collections.abc import Mapping

from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.enums import LoyaltyCode
from saleor_crm_plugin.graphql.mutations import invalid, key_argument
from saleor_crm_plugin.graphql.profiles.whose import profile_id_of_email, profile_id_of_user
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.models import LoyaltyAccount


def account_id_of(whose: Mapping[str, str | None]) -> int:
    """The account that one of `user_id`, `email` and `account_id` names; opened if the customer has none.

    Raises:
        ValidationError: not exactly one is given, or there is no such customer or account.
    """
    given = {name: value for name, value in whose.items() if value}
    if len(given) != 1:
        raise invalid(None, "Give exactly one of userId, email and accountId.", LoyaltyCode.GRAPHQL_ERROR)
    if account_id := given.get("account_id"):
        return _existing_account(account_id)
    email = given.get("email")
    profile_id = profile_id_of_email(email) if email else profile_id_of_user(given["user_id"])
    return accounts.ensure(accounts.default_program_id(), [profile_id], "default")[profile_id]


def _existing_account(account_id: str) -> int:
    primary_key = key_argument(integer_key, account_id, "LoyaltyAccount", "account_id")
    if not LoyaltyAccount.objects.filter(pk=primary_key).exists():
        raise invalid("account_id", "There is no such account.", LoyaltyCode.NOT_FOUND)
    return primary_key
