from .products import (
    CategoryByIdLoader,
    ProductByIdLoader,
    ProductChannelListingByProductIdAndChannelSlugLoader,
    ProductVariantByIdLoader,
    ProductVariantsByProductIdLoader,
    VariantChannelListingByVariantIdAndChannelSlugLoader,
)

__all__ = [
    "CategoryByIdLoader",
    "ProductByIdLoader",
    "ProductChannelListingByProductIdAndChannelSlugLoader",
    "ProductVariantByIdLoader",
    "ProductVariantsByProductIdLoader",
    "VariantChannelListingByVariantIdAndChannelSlugLoader",
]
