"""A checkout as the earning calculator sees it, so that a preview is the award of the order it will become."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone
from saleor.checkout.base_calculations import calculate_base_line_unit_price
from saleor.checkout.models import Checkout
from saleor.product import ProductTypeKind

from saleor_crm_plugin.ingestion.catalogue import NOWHERE, Place
from saleor_crm_plugin.loyalty.awards import EarningLine, EarningOrder
from saleor_crm_plugin.loyalty.holds import with_points
from saleor_crm_plugin.loyalty.models import Carrier, PointsHold
from saleor_crm_plugin.loyalty.paid_with_points import used_of_cards


def gift_card_balances(checkout: Checkout, using: str) -> list[tuple[int, Decimal]]:
    """The gift cards on the checkout with what they can pay, in the order in which Saleor uses them up.

    One SQL statement.
    """
    cards = checkout.gift_cards.using(using).active(timezone.now().date())
    return list(cards.order_by("code").values_list("pk", "current_balance_amount"))


def earning_order(
    checkout: Checkout,
    lines: Sequence[Any],
    places: Mapping[int, Place],
    billing_address: Any | None,
    gift_cards: Iterable[tuple[int, Decimal]] = (),
    hold: PointsHold | None = None,
) -> EarningOrder:
    """The calculator's view of a checkout whose prices are up to date.

    Args:
        lines: Saleor's `CheckoutLineInfo` objects.
        gift_cards: its `gift_card_balances`; without any, where nobody asks.
        hold: the points on it.
        places: where its products stand, by product id; without any, where rules do not ask.
    """
    shipping_gross = checkout.shipping_price_gross_amount
    used = used_of_cards(gift_cards, checkout.total_gross_amount)
    order = EarningOrder(
        lines=[
            EarningLine(
                key=str(info.line.pk),
                name=info.product.name,
                gross=info.line.total_price_gross_amount,
                net=info.line.total_price_net_amount,
                is_gift_card=info.product_type.kind == ProductTypeKind.GIFT_CARD,
                product_id=info.product.pk,
                product_type_id=info.product_type.pk,
                category_ids=places.get(info.product.pk, NOWHERE).category_ids,
                collection_ids=places.get(info.product.pk, NOWHERE).collection_ids,
                is_on_sale=bool(info.get_catalogue_discounts()),
                base=calculate_base_line_unit_price(info).amount * info.line.quantity,
                tax_rate=info.line.tax_rate or Decimal(0),
            )
            for info in lines
        ],
        shipping_gross=shipping_gross,
        shipping_net=checkout.shipping_price_net_amount,
        total_gross=checkout.total_gross_amount,
        gift_cards_gross=sum(used.values(), Decimal(0)),
        is_business=bool(billing_address and (billing_address.company_name or "").strip()),
    )
    if hold is None:
        return order
    carried: dict[Carrier, Decimal | None] = dict(used.items())
    if checkout.voucher_code:
        carried[checkout.voucher_code] = checkout.discount_amount
    return with_points(order, carried, {hold.carrier: hold})
