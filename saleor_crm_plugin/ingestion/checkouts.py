"""A checkout as the earning calculator sees it, so that a preview is the award of the order it will become."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from promise import Promise
from saleor.checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from saleor.checkout.models import Checkout

from saleor_crm_plugin.compat import fetch_checkout_data
from saleor_crm_plugin.config import LoyaltySettings
from saleor_crm_plugin.ingestion.redemption import places_of, subtotal_of
from saleor_crm_plugin.loyalty.earning import Award, EarningLine, EarningOrder, award
from saleor_crm_plugin.loyalty.orders import terms_of
from saleor_crm_plugin.loyalty.redemption import NOTHING, Quote, quote

if TYPE_CHECKING:
    from saleor.plugins.manager import PluginsManager


def preview_award(
    checkout: Checkout,
    settings: LoyaltySettings,
    *,
    manager: PluginsManager,
    requestor: Any,
    using: str,
) -> Promise[Award | None]:
    """Promise of what the checkout would earn as an order; of None where nothing can be earned.

    Prices that have expired are calculated anew, as Saleor does for its own price fields.
    """
    terms = terms_of(settings)
    if terms is None:
        return Promise.resolve(None)
    lines, _ = fetch_checkout_lines(checkout, database_connection_name=using)
    checkout_info = fetch_checkout_info(checkout, lines, manager, database_connection_name=using)
    fresh = fetch_checkout_data(checkout_info, manager, lines, requestor=requestor, database_connection_name=using)
    return fresh.then(lambda result: award(earning_order(result[0].checkout, result[1]), terms))


def earning_order(checkout: Checkout, lines: Sequence[Any]) -> EarningOrder:
    """The calculator's view of a checkout whose prices are up to date."""
    return EarningOrder(
        lines=[
            EarningLine(
                key=str(info.line.pk),
                name=info.product.name,
                gross=info.line.total_price_gross_amount,
                net=info.line.total_price_net_amount,
                is_gift_card=info.variant.is_gift_card(),
            )
            for info in lines
        ],
        shipping_gross=checkout.shipping_price_gross_amount,
        shipping_net=checkout.shipping_price_net_amount,
        total_gross=checkout.total_gross_amount,
    )


def maximum_points(checkout: Checkout, spendable: int, settings: LoyaltySettings, *, using: str) -> Quote:
    """The most points that could be applied now, `spendable` including what the checkout holds already."""
    if not settings.point_value or spendable <= 0:
        return NOTHING
    lines, _ = fetch_checkout_lines(checkout, database_connection_name=using)
    subtotal: Decimal = subtotal_of(checkout, lines)
    offer = quote(spendable, spendable, subtotal, settings, places_of(checkout.currency))
    return offer if offer.points >= settings.minimum_points_to_spend else NOTHING
