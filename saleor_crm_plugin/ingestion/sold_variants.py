"""What a shopper can put into a checkout: the goods that Saleor takes there now."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import F, Q
from django.utils import timezone
from saleor.product.models import ProductVariantChannelListing


def sold_among(variants: Collection[tuple[int, int]], using: str) -> set[tuple[int, int]]:
    """Those of the (variant id, channel id) that are sold: with a price, published, and open for purchase. Stock is not
    looked at. One statement.
    """
    now = timezone.now()
    rows = ProductVariantChannelListing.objects.using(using).filter(
        # In one call, so that all of it is asked of the same listing of the product.
        Q(variant__product__channel_listings__published_at__isnull=True)
        | Q(variant__product__channel_listings__published_at__lte=now),
        variant__product__channel_listings__channel_id=F("channel_id"),
        variant__product__channel_listings__is_published=True,
        variant__product__channel_listings__available_for_purchase_at__lte=now,
        price_amount__isnull=False,
        variant_id__in={variant_id for variant_id, _ in variants},
        channel_id__in={channel_id for _, channel_id in variants},
    )
    return set(rows.values_list("variant_id", "channel_id")) & set(variants)
