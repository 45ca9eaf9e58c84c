from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from prices import TaxedMoney

from ..core.db.connection import allow_writer
from ..core.taxes import zero_money
from ..discount.utils.checkout import create_checkout_discount_objects_for_order_promotions
from . import base_calculations
from .models import Checkout, CheckoutLine

if TYPE_CHECKING:
    from ..plugins.manager import PluginsManager
    from .fetch import CheckoutInfo, CheckoutLineInfo

_PRICES = [
    "base_subtotal_amount",
    "base_total_amount",
    "subtotal_net_amount",
    "subtotal_gross_amount",
    "total_net_amount",
    "total_gross_amount",
    "discount_amount",
    "discount_name",
    "price_expiration",
    "discount_expiration",
]


def fetch_checkout_data(
    checkout_info: "CheckoutInfo",
    manager: "PluginsManager",
    lines: "list[CheckoutLineInfo]",
    force_update: bool = False,
    checkout_transactions: Any = None,
    force_status_update: bool = False,
    database_connection_name: str = settings.DATABASE_CONNECTION_DEFAULT_NAME,
    pregenerated_subscription_payloads: dict | None = None,
    allow_sync_webhooks: bool = True,
) -> "tuple[CheckoutInfo, list[CheckoutLineInfo]]":
    """The checkout with prices that have not expired; those that have are reckoned anew and stored."""
    if force_update or checkout_info.checkout.price_expiration <= timezone.now():
        _store_prices(checkout_info, lines)
    return checkout_info, lines


def _store_prices(checkout_info: "CheckoutInfo", lines: "list[CheckoutLineInfo]") -> None:
    """Write the prices of now into the checkout and its lines. Net equals gross: the stand-in knows no taxes."""
    checkout = checkout_info.checkout
    if checkout.discount_expiration <= timezone.now():
        create_checkout_discount_objects_for_order_promotions(checkout_info, lines)
    subtotal = base_calculations.base_checkout_subtotal(lines, checkout_info.channel, checkout.currency)
    discounted = base_calculations._line_totals_after_discount(checkout_info, lines)
    total = base_calculations.checkout_total(checkout_info, lines)
    for line_info, line_total in zip(lines, discounted, strict=True):
        line_info.line.total_price = TaxedMoney(line_total, line_total)
        line_info.line.undiscounted_unit_price = line_info.undiscounted_unit_price
    checkout.base_subtotal = subtotal
    checkout.base_total = subtotal
    discounted_subtotal = sum(discounted, zero_money(checkout.currency))
    checkout.subtotal = TaxedMoney(discounted_subtotal, discounted_subtotal)
    checkout.total = TaxedMoney(total, total)
    checkout.price_expiration = checkout.discount_expiration = timezone.now() + timedelta(hours=1)
    with allow_writer(), transaction.atomic():
        locked = Checkout.objects.select_for_update(of=("self",)).filter(pk=checkout.pk).only("last_change").first()
        # Whatever changed the checkout meanwhile knows better.
        if locked is None or locked.last_change != checkout.last_change:
            return
        CheckoutLine.objects.bulk_update(
            [line_info.line for line_info in lines],
            ["total_price_net_amount", "total_price_gross_amount", "undiscounted_unit_price_amount"],
        )
        checkout.save(update_fields=_PRICES)


def _total_with_gift_cards(checkout_info: "CheckoutInfo", lines: "list[CheckoutLineInfo]") -> TaxedMoney:
    """What is left to pay; gift cards lower the total of the order, as in Saleor."""
    total = base_calculations.checkout_total(checkout_info, lines)
    for gift_card in checkout_info.checkout.gift_cards.active(timezone.now().date()):
        total -= min(gift_card.current_balance, total)
    return TaxedMoney(total, total)
