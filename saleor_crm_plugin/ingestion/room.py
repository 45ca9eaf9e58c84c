"""How many points a checkout can take, and what they are worth there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings as django_settings
from saleor.checkout import base_calculations
from saleor.checkout.models import Checkout
from saleor.product import ProductTypeKind

from saleor_crm_plugin.config import LoyaltySettings, RedemptionForm
from saleor_crm_plugin.exceptions import RedemptionError
from saleor_crm_plugin.ingestion.checkouts import gift_card_balances
from saleor_crm_plugin.ingestion.currencies import currency_places
from saleor_crm_plugin.loyalty.models import HoldForm, PointsHold
from saleor_crm_plugin.loyalty.redemption import NOTHING, Limit, Quote, quote
from saleor_crm_plugin.loyalty.wallet import MAX_POINTS

FORM_OF = {RedemptionForm.VOUCHER: HoldForm.VOUCHER, RedemptionForm.GIFT_CARD: HoldForm.GIFT_CARD}


@dataclass(frozen=True, slots=True)
class Room:
    """What points can pay on a checkout.

    Attributes:
        subtotal: price of what points can pay, which the largest share is taken of.
        left_to_pay: the most that there is to pay; None: the subtotal.
        replaced: what promotions of the order take off, whose place a voucher takes; points must be worth more.
    """

    subtotal: Decimal
    left_to_pay: Decimal | None = None
    replaced: Decimal = Decimal(0)


def room_of(
    checkout_info: Any,
    lines: Sequence[Any],
    form: HoldForm,
    promotions: Callable[[], Decimal],
    own_cards: Collection[int] = (),
    using: str | None = None,
) -> Room:
    """The room on a checkout. One SQL statement for a gift card, those of `promotions` for a voucher.

    A voucher of points is taken off the products' price and excludes other discounts of the whole order. A gift card
    pays what these leave, and what the customer's own gift cards leave. Prices are those before tax is added: where the
    shop enters prices without it, points pay a little less than the share of the price with tax.

    As a gift card, points pay for no gift cards. Saleor fills one that is bought with the price of its line, which only
    a voucher lowers: points would become money that never expires.

    Args:
        promotions: says what promotions of the order take off without a voucher; asked for a voucher only.
        own_cards: gift cards that carry points of this checkout.
        using: database alias; None: the writer.
    """
    checkout: Checkout = checkout_info.checkout
    if form == HoldForm.VOUCHER:
        return Room(subtotal_of(checkout, lines), replaced=promotions())
    lines = list(lines)
    total = base_calculations.checkout_total(checkout_info, lines).amount
    delivery = base_calculations.base_checkout_delivery_price(checkout_info, lines).amount
    others = [
        balance
        for card_id, balance in gift_card_balances(checkout, using or django_settings.DATABASE_CONNECTION_DEFAULT_NAME)
        if card_id not in own_cards
    ]
    goods = _without_gift_cards(total - delivery, checkout, lines)
    return Room(subtotal=goods, left_to_pay=total - sum(others, Decimal(0)))


def has_gift_cards(lines: Sequence[Any]) -> bool:
    """Whether gift cards are bought."""
    return len(_goods(lines)) < len(lines)


def _goods(lines: Sequence[Any]) -> list[Any]:
    return [line for line in lines if line.product_type.kind != ProductTypeKind.GIFT_CARD]


def _without_gift_cards(price: Decimal, checkout: Checkout, lines: Sequence[Any]) -> Decimal:
    """The part of the lines' price, after discounts of the whole order, that is not for gift cards."""
    if not has_gift_cards(lines):
        return price
    whole, of_goods = (_before_order_discounts(checkout, each) for each in (lines, _goods(lines)))
    # Saleor takes such a discount off all lines alike.
    return price * of_goods / whole if whole else Decimal(0)


def _before_order_discounts(checkout: Checkout, lines: Sequence[Any]) -> Decimal:
    money = base_calculations.base_checkout_subtotal(list(lines), checkout.channel, checkout.currency)
    return money.amount


def subtotal_of(checkout: Checkout, lines: Sequence[Any]) -> Decimal:
    """Price of the lines that an order-wide voucher is taken off."""
    money = base_calculations.base_checkout_subtotal(
        list(lines), checkout.channel, checkout.currency, include_voucher=False
    )
    return money.amount


def quote_for(points: int, spendable: int, room: Room, settings: LoyaltySettings, currency: str) -> Quote:
    """`redemption.quote` for a checkout."""
    return quote(points, spendable, room.subtotal, settings, currency_places(currency), room.left_to_pay)


def quote_again(hold: PointsHold, spendable: int, room: Room, settings: LoyaltySettings) -> Quote:
    """What the checkout can take of what was asked for; none if that is fewer than must be spent at once.

    Nor if promotions of the order are worth as much.

    Args:
        spendable: points that the account can spend besides those of the hold.
    """
    offer = quote_for(hold.requested, spendable + hold.points, room, settings, hold.currency)
    return offer if _fits(offer, room, settings) else NOTHING


def most_points(spendable: int, room: Room, settings: LoyaltySettings, currency: str) -> int:
    """How many points of the spendable ones the checkout can take; 0 where `offer_for` would refuse them."""
    offer = quote_for(min(spendable, MAX_POINTS), spendable, room, settings, currency)
    return offer.points if _fits(offer, room, settings) else 0


def _fits(offer: Quote, room: Room, settings: LoyaltySettings) -> bool:
    is_worth_it = not room.replaced or offer.amount > room.replaced
    return offer.points >= settings.minimum_points_to_spend and is_worth_it


def offer_for(points: int, spendable: int, room: Room, settings: LoyaltySettings, currency: str) -> Quote:
    """The points that the customer gets for asking.

    Raises:
        RedemptionError: `CHECKOUT_EMPTY`, `INSUFFICIENT_POINTS`, `BELOW_MINIMUM`, `PROMOTION_WORTH_MORE`.
    """
    if room.subtotal <= 0 or (room.left_to_pay is not None and room.left_to_pay <= 0):
        raise RedemptionError(
            "There is nothing in the checkout that points could pay for.", "CHECKOUT_EMPTY", "checkoutId"
        )
    if spendable <= 0:
        raise RedemptionError("You have no points to spend.", "INSUFFICIENT_POINTS", "points")
    offer = quote_for(points, spendable, room, settings, currency)
    if _fits(offer, room, settings):
        return offer
    if offer.points >= settings.minimum_points_to_spend:
        promotion, worth = (f"{amount:.{currency_places(currency)}f}" for amount in (room.replaced, offer.amount))
        raise RedemptionError(
            f"A promotion takes {currency} {promotion} off this order. Points would take its place, and {offer.points} "
            f"of them are worth {currency} {worth}.",
            "PROMOTION_WORTH_MORE",
            "points",
        )
    if offer.limit == Limit.BALANCE:
        raise RedemptionError(
            f"You can spend {spendable} points; at least {settings.minimum_points_to_spend} are needed.",
            "INSUFFICIENT_POINTS",
            "points",
        )
    least = settings.minimum_points_to_spend
    # Where it is only the smallest coin that kept them lower, more would have fitted.
    if points < least and offer.limit in (None, Limit.ROUNDING):
        message = f"At least {least} points must be spent at once."
    else:
        message = f"Only {offer.points} points fit; at least {least} must be spent at once."
    raise RedemptionError(message, "BELOW_MINIMUM", "points")
