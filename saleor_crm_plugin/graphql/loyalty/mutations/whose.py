"""Whose account staff mean."""

from __future__ import annotations

from collections.abc import Mapping

from saleor.account.models import User

from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.enums import LoyaltyCode
from saleor_crm_plugin.graphql.loyalty.mutations.base import invalid, key_argument
from saleor_crm_plugin.ingestion.lookup import profile_id_by_email
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles


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
    profile_id = _profile_id(given)
    return accounts.ensure(accounts.default_program_id(), [profile_id], "default")[profile_id]


def _existing_account(account_id: str) -> int:
    primary_key = key_argument(integer_key, account_id, "LoyaltyAccount", "account_id")
    if not LoyaltyAccount.objects.filter(pk=primary_key).exists():
        raise invalid("account_id", "There is no such account.", LoyaltyCode.NOT_FOUND)
    return primary_key


def _profile_id(given: Mapping[str, str]) -> int:
    if email := given.get("email"):
        profile_id = profile_id_by_email(email, "default")
        if profile_id is None:
            raise invalid("email", "Nobody with this address is known.", LoyaltyCode.NOT_FOUND)
        return profile_id
    primary_key = key_argument(integer_key, given["user_id"], "User", "user_id")
    if not User.objects.filter(pk=primary_key).exists():
        raise invalid("user_id", "There is no such user.", LoyaltyCode.NOT_FOUND)
    person = UserPerson(primary_key)
    return resolve_profiles([person])[person]
