"""Points of many accounts, orders and checkouts at once, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.page_loaders import CountLoader, PageLoader
from saleor_crm_plugin.loyalty import queries
from saleor_crm_plugin.loyalty.models import HoldStatus, LoyaltyAccount, PointsHold, PointsTransaction


class AccountByProfileIdLoader(DataLoader):
    """`LoyaltyAccount` in the default program by profile id."""

    context_key = "saleor_crm_plugin.account_by_profile_id"

    def batch_load(self, keys: Sequence[int]) -> list[LoyaltyAccount | None]:
        accounts = LoyaltyAccount.objects.using(self.database_connection_name).filter(
            profile_id__in=keys, program__is_default=True
        )
        accounts = accounts.select_related("tier_membership__tier")
        found = {account.profile_id: account for account in accounts}
        return [found.get(profile_id) for profile_id in keys]


class NextExpiryByAccountIdLoader(DataLoader):
    """The points that expire first (`PointsAt`), by account id."""

    context_key = "saleor_crm_plugin.next_expiry_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> list[queries.PointsAt | None]:
        found = queries.next_expiry(keys, timezone.now(), self.database_connection_name)
        return [found.get(account_id) for account_id in keys]


class NextActivationByAccountIdLoader(DataLoader):
    """The pending points that become spendable first (`PointsAt`), by account id."""

    context_key = "saleor_crm_plugin.next_activation_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> list[queries.PointsAt | None]:
        found = queries.next_activation(keys, self.database_connection_name)
        return [found.get(account_id) for account_id in keys]


class TransactionsByAccountIdLoader(PageLoader):
    context_key = "saleor_crm_plugin.transactions_by_account_id"
    model = PointsTransaction
    owner = "account_id"


class TransactionCountByAccountIdLoader(CountLoader):
    context_key = "saleor_crm_plugin.transaction_count_by_account_id"
    model = PointsTransaction
    owner = "account_id"


class OrderPointsByOrderIdLoader(DataLoader):
    """`OrderPoints` by order id; zeros for orders that moved no points."""

    context_key = "saleor_crm_plugin.order_points_by_order_id"

    def batch_load(self, keys: Sequence[UUID]) -> list[queries.OrderPoints]:
        found = queries.order_points(keys, self.database_connection_name)
        return [found.get(order_id, queries.OrderPoints()) for order_id in keys]


class HoldByCheckoutTokenLoader(DataLoader):
    """The open `PointsHold` of a checkout by its token."""

    context_key = "saleor_crm_plugin.hold_by_checkout_token"

    def batch_load(self, keys: Sequence[UUID]) -> list[PointsHold | None]:
        holds = PointsHold.objects.using(self.database_connection_name).filter(
            checkout_token__in=keys, status=HoldStatus.HELD
        )
        found = {hold.checkout_token: hold for hold in holds}
        return [found.get(token) for token in keys]
