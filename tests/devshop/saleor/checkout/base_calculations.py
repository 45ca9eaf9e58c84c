"""Prices of a checkout before taxes. The stand-in ships for nothing, and promotions of products are listing prices."""

from typing import TYPE_CHECKING

from prices import Money

from ..channel.models import Channel
from ..core.prices import quantize_price
from ..core.taxes import zero_money

if TYPE_CHECKING:
    from .fetch import CheckoutInfo, CheckoutLineInfo


def calculate_base_line_unit_price(line_info: "CheckoutLineInfo") -> Money:
    return quantize_price(line_info.variant_discounted_price, line_info.line.currency)


def calculate_base_line_total_price(line_info: "CheckoutLineInfo", include_voucher: bool = True) -> Money:
    return calculate_base_line_unit_price(line_info) * line_info.line.quantity


def base_checkout_delivery_price(
    checkout_info: "CheckoutInfo",
    lines: "list[CheckoutLineInfo] | None" = None,
    include_voucher: bool = True,
) -> Money:
    return zero_money(checkout_info.checkout.currency)


def base_checkout_subtotal(
    checkout_lines: "list[CheckoutLineInfo]", channel: Channel, currency: str, include_voucher: bool = True
) -> Money:
    """The sum of the lines, before a voucher for the entire order."""
    totals = (calculate_base_line_total_price(line, include_voucher) for line in checkout_lines)
    return sum(totals, zero_money(currency))


def checkout_total(checkout_info: "CheckoutInfo", lines: "list[CheckoutLineInfo]") -> Money:
    currency = checkout_info.checkout.currency
    subtotal = base_checkout_subtotal(lines, checkout_info.channel, currency)
    subtotal = max(subtotal - checkout_info.checkout.discount, zero_money(currency))
    return subtotal + base_checkout_delivery_price(checkout_info, lines)


def _line_totals_after_discount(checkout_info: "CheckoutInfo", lines: "list[CheckoutLineInfo]") -> list[Money]:
    """Spread the checkout's discount over its lines by their share; the last line takes the rounding."""
    currency = checkout_info.checkout.currency
    totals = [calculate_base_line_total_price(line) for line in lines]
    subtotal = sum(totals, zero_money(currency))
    discount = min(checkout_info.checkout.discount, subtotal)
    if not subtotal.amount:
        return totals
    left = discount
    discounted = []
    for total in totals[:-1]:
        share = quantize_price(discount * (total / subtotal), currency)
        discounted.append(total - share)
        left -= share
    return [*discounted, totals[-1] - left]
