"""What a checkout earns and spends, for the field `Checkout.loyalty`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from promise import Promise
from saleor.core.db.connection import allow_writer_in_context
from saleor.graphql.checkout.dataloaders.checkout_infos import (
    CheckoutInfoByCheckoutTokenLoader,
    CheckoutLinesInfoByCheckoutTokenLoader,
)
from saleor.graphql.core.context import get_database_connection_name
from saleor.graphql.plugins.dataloaders import get_plugin_manager_promise
from saleor.graphql.utils import get_user_or_app_from_context

from saleor_crm_plugin.compat import fetch_checkout_data
from saleor_crm_plugin.config import LoyaltySettings
from saleor_crm_plugin.graphql.access import authenticated_user
from saleor_crm_plugin.graphql.dataloaders import CustomerByUserIdLoader, load_shop_settings
from saleor_crm_plugin.graphql.loyalty.dataloaders import HoldByCheckoutTokenLoader
from saleor_crm_plugin.graphql.loyalty.rules.preview import PreviewTerms, preview_terms
from saleor_crm_plugin.graphql.roots import Amount
from saleor_crm_plugin.ingestion import hooks
from saleor_crm_plugin.ingestion.checkouts import earning_order, gift_card_balances
from saleor_crm_plugin.ingestion.currencies import currency_places
from saleor_crm_plugin.ingestion.order_promotions import taken_off
from saleor_crm_plugin.ingestion.room import FORM_OF, most_points, quote_again, room_of
from saleor_crm_plugin.loyalty.awards import Award, EarningTerms, RuleShare
from saleor_crm_plugin.loyalty.earning import award, split_points
from saleor_crm_plugin.loyalty.models import HoldForm, LoyaltyAccount, PointsHold
from saleor_crm_plugin.loyalty.redemption import Quote


@dataclass(frozen=True, slots=True)
class Part:
    """Root of `PointsBreakdown`."""

    name: str
    points: int
    reason: str


@dataclass(frozen=True, slots=True)
class CheckoutPoints:
    """Root of `CheckoutLoyalty`."""

    points_to_earn: int
    breakdown: Sequence[Part]
    max_applicable_points: int
    applied_points: int
    discount: Amount | None
    replaced_promotion: Amount | None


def points_of_checkout(checkout: Any, info: Any, *, allow_sync_webhooks: bool) -> Promise[CheckoutPoints]:
    """Promise of a checkout's points. Prices that have expired are calculated anew, as for Saleor's price fields.

    Args:
        allow_sync_webhooks: whether apps may be asked for taxes and shipping; in lists Saleor asks none.
    """
    user = authenticated_user(info)
    # Only the owner's points can be spent, and ownership is who is logged in, never whose name is on the checkout.
    spender = user.pk if user is not None and user.pk == checkout.user_id else None

    def with_facts(facts: Sequence[Any]) -> Any:
        shop, hold, customer, checkout_info, lines, manager = facts
        settings = shop.loyalty_for(checkout.channel_id)
        account = customer.account if customer else None
        # In the answer to a mutation Saleor reads the writer here, as for its own price fields.
        with allow_writer_in_context(info.context):
            checkout_info.allow_sync_webhooks = allow_sync_webhooks
            fresh = fetch_checkout_data(
                checkout_info,
                manager,
                lines,
                requestor=get_user_or_app_from_context(info.context),
                database_connection_name=get_database_connection_name(info.context),
                allow_sync_webhooks=allow_sync_webhooks,
            )
        terms = preview_terms(
            info,
            checkout,
            list(dict.fromkeys(line.product.pk for line in lines)),
            settings,
            is_owner=spender is not None,
            customer=customer,
        )
        return Promise.all([fresh, terms]).then(
            lambda ready: _points(
                ready[0][0], ready[0][1], settings, ready[1], hold, account, get_database_connection_name(info.context)
            )
        )

    return Promise.all(
        [
            load_shop_settings(info.context),
            HoldByCheckoutTokenLoader(info.context).load(checkout.token),
            CustomerByUserIdLoader(info.context).load(spender) if spender else Promise.resolve(None),
            CheckoutInfoByCheckoutTokenLoader(info.context).load(checkout.token),
            CheckoutLinesInfoByCheckoutTokenLoader(info.context).load(checkout.token),
            get_plugin_manager_promise(info.context),
        ]
    ).then(with_facts)


def _points(
    checkout_info: Any,
    lines: Sequence[Any],
    settings: LoyaltySettings,
    preview: PreviewTerms,
    hold: PointsHold | None,
    account: LoyaltyAccount | None,
    using: str,
) -> CheckoutPoints:
    checkout = checkout_info.checkout
    # The dataloaders have loaded both, side by side.
    checkout.channel = checkout_info.channel
    gift_cards = gift_card_balances(checkout, using) if _asks_for_gift_cards(preview.terms, hold) else []
    order = earning_order(checkout, lines, preview.places, checkout_info.billing_address, gift_cards, hold)
    earned = award(order, preview.terms) if preview.terms else None
    most, replaced, now = _takes(checkout_info, lines, settings, hold, account, using)
    if hold is not None and now is not None and (now.points, now.amount) != (hold.points, hold.amount):
        # No hook tells of a price that changed by itself.
        hooks.checkout_changed(checkout)
    return CheckoutPoints(
        points_to_earn=earned.points if earned else 0,
        breakdown=_breakdown(earned, checkout.currency),
        max_applicable_points=most,
        applied_points=hold.points if hold else 0,
        discount=Amount(hold.amount, hold.currency) if hold else None,
        replaced_promotion=Amount(replaced, checkout.currency) if replaced else None,
    )


def _breakdown(earned: Award | None, currency: str) -> list[Part]:
    """The base points line by line, then what the tier and each rule add; together the points to earn."""
    if earned is None or not earned.rules:
        return []
    rate = f"{earned.terms.points_per_unit.normalize():f}"
    places = currency_places(currency)
    unit = "point" if rate == "1" else "points"
    taxed = "without tax" if earned.terms.net else "with tax"
    base, *rules = [share for share in earned.rules if not share.is_dry_run]
    by_line = split_points(base.points, [Fraction(part.amount) for part in earned.parts])
    parts = [
        Part(
            part.name,
            points,
            f"{rate} {unit} for each {currency} 1 of {currency} {part.amount:.{places}f} {taxed}.",
        )
        for part, points in zip(earned.parts, by_line, strict=True)
    ]
    parts += [Part(share.name, share.points, _why(share, earned)) for share in rules]
    return [part for part in parts if part.points]


def _why(share: RuleShare, earned: Award) -> str:
    tier = earned.terms.tier
    if tier is not None and share.tier_id == tier.tier_id:
        return f"“{tier.name}” earns {tier.multiplier.normalize():f} times the points."
    return f"The rule “{share.name}”."


def _asks_for_gift_cards(terms: EarningTerms | None, hold: PointsHold | None) -> bool:
    if terms is None:
        return False
    return not terms.gift_cards_earn or (not terms.points_earn and hold is not None and hold.form == HoldForm.GIFT_CARD)


def _takes(
    checkout_info: Any,
    lines: Sequence[Any],
    settings: LoyaltySettings,
    hold: PointsHold | None,
    account: LoyaltyAccount | None,
    using: str,
) -> tuple[int, Decimal, Quote | None]:
    """The most points that the checkout can take, what they replace, and what it can take of those asked for."""
    nothing = 0, Decimal(0), None
    if account is None or not settings.point_pays or account.closed_at is not None:
        return nothing
    checkout = checkout_info.checkout
    form = FORM_OF[settings.redemption_form]
    is_foreign = bool(checkout.voucher_code) and (hold is None or hold.code != checkout.voucher_code)
    if form == HoldForm.VOUCHER and is_foreign:
        return nothing
    own = hold if hold is not None and hold.account_id == account.pk else None
    own_cards = [own.gift_card_id] if own is not None and own.gift_card_id is not None else []
    form = HoldForm(own.form) if own else form
    room = room_of(checkout_info, lines, form, lambda: taken_off(checkout_info, lines), own_cards, using)
    most = most_points(account.spendable + (own.points if own else 0), room, settings, checkout.currency)
    return most, room.replaced, quote_again(own, account.spendable, room, settings) if own else None
