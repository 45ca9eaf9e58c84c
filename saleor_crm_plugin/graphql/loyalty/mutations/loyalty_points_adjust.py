"""`loyaltyPointsAdjust`."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import graphene
from django.db import transaction
from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS
from saleor.permission.enums import DiscountPermissions

from saleor_crm_plugin.compat import in_channel
from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.loyalty.enums import LoyaltyCode
from saleor_crm_plugin.graphql.loyalty.errors import LoyaltyError
from saleor_crm_plugin.graphql.loyalty.mutations.base import LoyaltyMutation
from saleor_crm_plugin.graphql.loyalty.mutations.whose import account_id_of
from saleor_crm_plugin.graphql.loyalty.types import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.graphql.mutations import actor_of, invalid
from saleor_crm_plugin.loyalty import models
from saleor_crm_plugin.loyalty.adjustment import KEY_MAX_LENGTH, REASON_MAX_LENGTH, adjust
from saleor_crm_plugin.loyalty.wallet import MAX_POINTS


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
        # An account that is opened for points which are refused then is none.
        with transaction.atomic():
            account_id = account_id_of(whose)
            entry = adjust(account_id, points, reason, actor_of(info), idempotency_key or str(uuid4()))
        account = models.LoyaltyAccount.objects.get(pk=account_id)
        return cls(account=in_channel(account, channel), transaction=entry)
