"""A checkout as the earning calculator sees it, so that a preview is the award of the order it will become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from saleor.checkout.models import Checkout
from saleor.product import ProductTypeKind

from saleor_crm_plugin.ingestion.catalogue import NOWHERE, Place
from saleor_crm_plugin.loyalty.earning import EarningLine, EarningOrder


def earning_order(
    checkout: Checkout, lines: Sequence[Any], places: Mapping[int, Place], billing_address: Any | None
) -> EarningOrder:
    """The calculator's view of a checkout whose prices are up to date.

    Args:
        lines: Saleor's `CheckoutLineInfo` objects.
        places: where its products stand, by product id; without any, where rules do not ask.
    """
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
            )
            for info in lines
        ],
        shipping_gross=checkout.shipping_price_gross_amount,
        shipping_net=checkout.shipping_price_net_amount,
        total_gross=checkout.total_gross_amount,
        is_business=bool(billing_address and (billing_address.company_name or "").strip()),
    )
