from collections import defaultdict
from collections.abc import Iterable

from ....product.models import (
    Category,
    Product,
    ProductChannelListing,
    ProductVariant,
    ProductVariantChannelListing,
)
from ...core.dataloaders import DataLoader


class CategoryByIdLoader(DataLoader[int, Category]):
    context_key = "category_by_id"

    def batch_load(self, keys: Iterable[int]) -> list[Category | None]:
        found = Category.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(key) for key in keys]


class ProductByIdLoader(DataLoader[int, Product]):
    context_key = "product_by_id"

    def batch_load(self, keys: Iterable[int]) -> list[Product | None]:
        found = Product.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(key) for key in keys]


class ProductVariantByIdLoader(DataLoader[int, ProductVariant]):
    context_key = "productvariant_by_id"

    def batch_load(self, keys: Iterable[int]) -> list[ProductVariant | None]:
        found = ProductVariant.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(key) for key in keys]


class ProductVariantsByProductIdLoader(DataLoader[int, list[ProductVariant]]):
    context_key = "productvariants_by_product"

    def batch_load(self, keys: Iterable[int]) -> list[list[ProductVariant]]:
        by_product = defaultdict(list)
        variants = ProductVariant.objects.using(self.database_connection_name)
        for variant in variants.filter(product_id__in=keys):
            by_product[variant.product_id].append(variant)
        return [by_product[key] for key in keys]


class ProductChannelListingByProductIdAndChannelSlugLoader(DataLoader[tuple[int, str], ProductChannelListing]):
    context_key = "productchannelisting_by_product_and_channel"

    def batch_load(self, keys: Iterable[tuple[int, str]]) -> list[ProductChannelListing | None]:
        keys = list(keys)
        listings = ProductChannelListing.objects.using(self.database_connection_name).filter(
            product_id__in={product_id for product_id, _slug in keys},
            channel__slug__in={slug for _product_id, slug in keys},
        )
        found = {(row.product_id, row.channel.slug): row for row in listings.select_related("channel")}
        return [found.get(key) for key in keys]


class VariantChannelListingByVariantIdAndChannelSlugLoader(DataLoader[tuple[int, str], ProductVariantChannelListing]):
    context_key = "variantchannelisting_by_variant_and_channelslug"

    def batch_load(self, keys: Iterable[tuple[int, str]]) -> list[ProductVariantChannelListing | None]:
        keys = list(keys)
        listings = ProductVariantChannelListing.objects.using(self.database_connection_name).filter(
            variant_id__in={variant_id for variant_id, _slug in keys},
            channel__slug__in={slug for _variant_id, slug in keys},
            price_amount__isnull=False,
        )
        found = {(row.variant_id, row.channel.slug): row for row in listings.select_related("channel")}
        return [found.get(key) for key in keys]
