"""Promotions of the whole order. Saleor takes them off a checkout while a voucher is in it, whatever it is worth."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout
from saleor.checkout.utils import recalculate_checkout_discounts, remove_voucher_from_checkout
from saleor.discount import DiscountType
from saleor.discount.models import Promotion, PromotionRule

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager


def taken_off(checkout_info: Any, lines: Sequence[Any]) -> Decimal:
    """What promotions of the order take off a checkout with discounts that are up to date.

    A gift counts with the price that it would have.
    """
    discounts = [*checkout_info.discounts, *(discount for line in lines for discount in line.discounts)]
    amounts = [one.amount_value for one in discounts if one.type == DiscountType.ORDER_PROMOTION]
    return sum(amounts, Decimal(0))


def taken_off_without_voucher(checkout: Checkout, manager: PluginsManager) -> Decimal:
    """What promotions of the order would take off the checkout, which the caller has locked, if it had no voucher.

    Only Saleor knows which promotion fits, and finds out by writing: what it writes is undone. One SQL statement where
    the channel has no such promotion.
    """
    if not _are_there(checkout.channel_id):
        return Decimal(0)
    with transaction.atomic():
        bare = Checkout.objects.select_related("channel").get(pk=checkout.pk)
        if bare.voucher_code:
            remove_voucher_from_checkout(bare)
        lines, _ = fetch_checkout_lines(bare)
        checkout_info = fetch_checkout_info(bare, lines, manager)
        recalculate_checkout_discounts(checkout_info, lines, manager)
        amount = taken_off(checkout_info, lines)
        transaction.set_rollback(True)
    return amount


def _are_there(channel_id: int) -> bool:
    rules = PromotionRule.objects.filter(channels=channel_id, promotion__in=Promotion.objects.active())
    return rules.exclude(order_predicate={}).exists()
