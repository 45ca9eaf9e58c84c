"""What promotions of the whole order take off a checkout: an amount or a percentage from some subtotal on, no gifts."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.conf import settings
from prices import Money

from ...checkout.base_calculations import base_checkout_subtotal
from ...core.db.connection import allow_writer
from ...core.prices import quantize_price
from .. import DiscountType, DiscountValueType, RewardValueType
from ..models import Promotion, PromotionRule

if TYPE_CHECKING:
    from ...checkout.fetch import CheckoutInfo, CheckoutLineInfo


@allow_writer()
def create_checkout_discount_objects_for_order_promotions(
    checkout_info: "CheckoutInfo",
    lines_info: "list[CheckoutLineInfo]",
    *,
    save: bool = False,
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
) -> datetime | None:
    """Put the best promotion in place of any other, but none beside a voucher. Returns when it ends."""
    checkout = checkout_info.checkout
    best = None if checkout.voucher_code else _best_rule(checkout_info, lines_info, database_connection_name)
    of_promotions = checkout.discounts.filter(type=DiscountType.ORDER_PROMOTION)
    if best is None:
        of_promotions.delete()
        checkout_info.discounts = []
        if not checkout.voucher_code:
            checkout.discount_amount = Decimal(0)
            checkout.discount_name = None
    else:
        rule, amount = best
        fields = {
            "promotion_rule": rule,
            "value_type": rule.reward_value_type or DiscountValueType.FIXED,
            "value": rule.reward_value,
            "amount_value": amount.amount,
            "currency": checkout.currency,
            "name": rule.promotion.name,
        }
        discount, _created = checkout.discounts.update_or_create(type=DiscountType.ORDER_PROMOTION, defaults=fields)
        checkout_info.discounts = [discount]
        checkout.discount = amount
        checkout.discount_name = discount.name
    if save:
        checkout.save(update_fields=["discount_amount", "discount_name"])
    return best[0].promotion.end_date if best else None


def _best_rule(
    checkout_info: "CheckoutInfo", lines_info: "list[CheckoutLineInfo]", using: str
) -> tuple[PromotionRule, Money] | None:
    subtotal = base_checkout_subtotal(lines_info, checkout_info.channel, checkout_info.checkout.currency)
    rules = PromotionRule.objects.using(using).select_related("promotion").exclude(order_predicate={})
    rules = rules.filter(channels=checkout_info.channel, promotion__in=Promotion.objects.active())
    found = [(rule, _taken_off(rule, subtotal)) for rule in rules if subtotal.amount >= _least_subtotal(rule)]
    return max(found, key=lambda one: one[1].amount, default=None)


def _least_subtotal(rule: PromotionRule) -> Decimal:
    """The one condition that the stand-in knows."""
    return Decimal(rule.order_predicate["discountedObjectPredicate"]["baseSubtotalPrice"]["range"]["gte"])


def _taken_off(rule: PromotionRule, subtotal: Money) -> Money:
    if rule.reward_value_type == RewardValueType.PERCENTAGE:
        return quantize_price(subtotal * (rule.reward_value / 100), subtotal.currency)
    return min(Money(rule.reward_value, subtotal.currency), subtotal)
