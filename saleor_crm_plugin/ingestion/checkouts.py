"""A checkout as the earning calculator sees it, so that a preview is the award of the order it will become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone
from saleor.checkout.models import Checkout
from saleor.product import ProductTypeKind

from saleor_crm_plugin.ingestion.catalogue import NOWHERE, Place
from saleor_crm_plugin.loyalty.earning import EarningLine, EarningOrder


def gift_card_balance(checkout: Checkout, using: str) -> Decimal:
    """What the gift cards on the checkout can pay, in its currency. One SQL statement."""
    cards = checkout.gift_cards.using(using).active(timezone.now().date())
    return sum(cards.values_list("current_balance_amount", flat=True), Decimal(0))


def earning_order(
    checkout: Checkout,
    lines: Sequence[Any],
    places: Mapping[int, Place],
    billing_address: Any | None,
    gift_cards: Decimal = Decimal(0),
) -> EarningOrder:
    """The calculator's view of a checkout whose prices are up to date.

    Args:
        lines: Saleor's `CheckoutLineInfo` objects.
        gift_cards: balance of its gift cards.
        places: where its products stand, by product id; without any, where rules do not ask.
    """
    shipping_gross = checkout.shipping_price_gross_amount
    price = sum((info.line.total_price_gross_amount for info in lines), shipping_gross)
    return EarningOrder(
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
            )
            for info in lines
        ],
        shipping_gross=shipping_gross,
        shipping_net=checkout.shipping_price_net_amount,
        total_gross=checkout.total_gross_amount,
        gift_cards_gross=min(gift_cards, price),
        is_business=bool(billing_address and (billing_address.company_name or "").strip()),
    )
