"""`loyaltyPointsAdjust`."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import graphene
from saleor.account.models import User
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.loyalty.enums import LoyaltyCode
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation, actor_of, invalid, key_argument
from saleor_crm_plugin.graphql.loyalty.types import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.graphql.profiles.lookup import profile_id_by_email
from saleor_crm_plugin.loyalty import accounts, models
from saleor_crm_plugin.loyalty.adjustment import KEY_MAX_LENGTH, REASON_MAX_LENGTH, adjust
from saleor_crm_plugin.loyalty.ledger import MAX_POINTS
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles


class LoyaltyPointsAdjust(LoyaltyMutation):
    account = graphene.Field(LoyaltyAccount, description="The account after the change.")
    transaction = graphene.Field(PointsTransaction, description="The entry that was made.")

    class Arguments:
        user_id = graphene.ID(description="The ID of a user. An account is opened if the user has none.")
        email = graphene.String(description="The e-mail address of a user, or of a guest who has ordered.")
        account_id = graphene.ID(description="The ID of a loyalty account.")
        channel = graphene.String(description="Slug of the channel in which the returned account's worth is given.")
        points = graphene.Int(
            required=True,
            description=f"Points to add, or below 0 to take away; up to {MAX_POINTS} either way. No more can be taken "
            "away than the customer can spend.",
        )
        reason = graphene.String(
            required=True,
            description=f"Why; the customer can read it. 1 to {REASON_MAX_LENGTH} characters.",
        )
        idempotency_key = graphene.String(
            description=f"A repeated call with the same key changes nothing and returns the first call's entry. "
            f"1 to {KEY_MAX_LENGTH} characters."
        )

    class Meta:
        description = "Gives a customer points or takes some away, with a reason." + ADDED_IN_010
        doc_category = DOC_CATEGORY_DISCOUNTS
        permissions = (DiscountPermissions.MANAGE_DISCOUNTS,)
        error_type_class = LoyaltyError

    @classmethod
    def perform_mutation(
        cls,
        _root: Any,
        info: Any,
        /,
        *,
        points: int,
        reason: str,
        channel: str | None = None,
        idempotency_key: str | None = None,
        **whose: str | None,
    ) -> LoyaltyPointsAdjust:
        if not reason.strip():
            raise invalid("reason", "Say why the points change.", LoyaltyCode.REQUIRED)
        if len(reason.strip()) > REASON_MAX_LENGTH:
            raise invalid("reason", f"At most {REASON_MAX_LENGTH} characters.", LoyaltyCode.INVALID)
        if points == 0 or abs(points) > MAX_POINTS:
            raise invalid("points", f"From -{MAX_POINTS} to {MAX_POINTS}, and not 0.", LoyaltyCode.INVALID)
        if idempotency_key is not None and not 0 < len(idempotency_key) <= KEY_MAX_LENGTH:
            raise invalid("idempotency_key", f"1 to {KEY_MAX_LENGTH} characters.", LoyaltyCode.INVALID)
        account_id = cls._account_id(whose)
        entry = adjust(account_id, points, reason, actor_of(info), idempotency_key or str(uuid4()))
        account = models.LoyaltyAccount.objects.get(pk=account_id)
        return cls(account=in_channel(account, channel), transaction=entry)

    @classmethod
    def _account_id(cls, whose: dict[str, str | None]) -> int:
        given = {name: value for name, value in whose.items() if value}
        if len(given) != 1:
            raise invalid(None, "Give exactly one of userId, email and accountId.", LoyaltyCode.GRAPHQL_ERROR)
        if account_id := given.get("account_id"):
            return cls._existing_account(account_id)
        return accounts.ensure(accounts.default_program_id(), [profile_id := cls._profile_id(given)], "default")[
            profile_id
        ]

    @classmethod
    def _existing_account(cls, account_id: str) -> int:
        primary_key = key_argument(integer_key, account_id, "LoyaltyAccount", "account_id")
        if not models.LoyaltyAccount.objects.filter(pk=primary_key).exists():
            raise invalid("account_id", "There is no such account.", LoyaltyCode.NOT_FOUND)
        return primary_key

    @classmethod
    def _profile_id(cls, given: dict[str, str]) -> int:
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
