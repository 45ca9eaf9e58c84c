"""Points of many accounts, orders and checkouts at once, each in a constant number of statements."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber
from django.utils import timezone
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.lists import Page
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


class TransactionsByAccountIdLoader(DataLoader):
    """A page of entries for each (account id, `Page`), newest first, with one row more than the page holds.

    One statement for all accounts that are asked for the same page, as the fields of a list are.
    """

    context_key = "saleor_crm_plugin.transactions_by_account_id"

    def batch_load(self, keys: Sequence[tuple[int, Page]]) -> list[list[PointsTransaction]]:
        found: dict[tuple[int, Page], list[PointsTransaction]] = {}
        for page in dict.fromkeys(page for _, page in keys):
            accounts = [account_id for account_id, asked in keys if asked == page]
            for row in self._read(accounts, page):
                found.setdefault((row.account_id, page), []).append(row)
        return [found.get(key, []) for key in keys]

    def _read(self, account_ids: list[int], page: Page) -> list[PointsTransaction]:
        rows = PointsTransaction.objects.using(self.database_connection_name).filter(account_id__in=account_ids)
        if page.cursor is not None:
            rows = rows.filter(pk__gt=page.cursor) if page.backwards else rows.filter(pk__lt=page.cursor)
        order = "pk" if page.backwards else "-pk"
        place = Window(RowNumber(), partition_by=F("account_id"), order_by=order)
        return list(rows.annotate(place=place).filter(place__lte=page.size + 1).order_by("account_id", order))


class TransactionCountByAccountIdLoader(DataLoader):
    """Number of entries by account id."""

    context_key = "saleor_crm_plugin.transaction_count_by_account_id"

    def batch_load(self, keys: Sequence[int]) -> list[int]:
        rows = PointsTransaction.objects.using(self.database_connection_name).filter(account_id__in=keys)
        counts = dict(rows.values_list("account_id").annotate(entries=Count("pk")))
        return [counts.get(account_id, 0) for account_id in keys]


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
