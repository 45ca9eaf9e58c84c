"""What keeps the voucher of a product from fitting everything once the product is deleted.

Its variant goes from the voucher with it, and Saleor takes a voucher that names nothing for one for everything. So each
of ours names a collection of the plugin's own, too, in which there is nothing. Staff can delete that as well, and
vouchers of before have none: the periodic task puts it back.
"""

from __future__ import annotations

from typing import Final

from saleor.discount.models import Voucher
from saleor.product.models import Collection

from saleor_crm_plugin.loyalty.rewards.definition import RewardKind
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption

# In no channel: customers do not see it.
COLLECTION_SLUG: Final = "crm-product-rewards"
COLLECTION_NAME: Final = "Product rewards (keep this, and keep it empty)"


def restrict(voucher: Voucher) -> None:
    """Let a voucher never fit more than what it names now."""
    voucher.collections.add(_collection())


def restrict_again(limit: int) -> None:
    """Restrict what has lost its restriction, `limit` vouchers at a time. One statement where nothing has."""
    codes = RewardRedemption.objects.filter(kind=RewardKind.PRODUCT.value).values("code")
    unrestricted = (
        Voucher.objects.filter(codes__code__in=codes, codes__is_active=True)
        .exclude(collections__slug=COLLECTION_SLUG)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    while vouchers := list(unrestricted[:limit]):
        _collection().voucher_set.add(*vouchers)


def _collection() -> Collection:
    return Collection.objects.get_or_create(slug=COLLECTION_SLUG, defaults={"name": COLLECTION_NAME})[0]
