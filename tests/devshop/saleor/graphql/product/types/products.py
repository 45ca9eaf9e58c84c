from typing import Any

import graphene
from django.db.models import Sum
from graphene import relay
from prices import TaxedMoney as TaxedPrice
from promise import Promise

from ....core.db.connection import allow_writer_in_context
from ....product import models
from ....warehouse.models import Stock
from ...core.connection import CountableConnection
from ...core.context import ChannelContext, get_database_connection_name
from ...core.doc_category import DOC_CATEGORY_PRODUCTS
from ...core.federation import federated_entity, resolve_federation_references
from ...core.fields import JSONString
from ...core.scalars import DateTime
from ...core.types import BaseObjectType, NonNullList, TaxedMoney
from ...core.types.context import ChannelContextType
from ...core.types.money import TaxedMoneyRange
from ...utils import get_user_or_app_from_context
from ..dataloaders import (
    CategoryByIdLoader,
    ProductByIdLoader,
    ProductChannelListingByProductIdAndChannelSlugLoader,
    ProductVariantByIdLoader,
    ProductVariantsByProductIdLoader,
    VariantChannelListingByVariantIdAndChannelSlugLoader,
)
from .categories import Category


class VariantPricingInfo(BaseObjectType):
    price = graphene.Field(TaxedMoney, description="What it costs now.")
    price_undiscounted = graphene.Field(TaxedMoney, description="What it costs without discounts.")

    class Meta:
        description = "What a variant costs in a channel."
        doc_category = DOC_CATEGORY_PRODUCTS


class ProductPricingInfo(BaseObjectType):
    price_range = graphene.Field(TaxedMoneyRange, description="What its variants cost now.")

    class Meta:
        description = "What a product costs in a channel."
        doc_category = DOC_CATEGORY_PRODUCTS


def _taxed(money: Any) -> TaxedPrice | None:
    return None if money is None else TaxedPrice(money, money)


@federated_entity("id channel")
class ProductVariant(ChannelContextType[models.ProductVariant]):
    id = graphene.GlobalID(required=True, description="The id.")
    name = graphene.String(required=True, description="What sets it apart from its siblings.")
    sku = graphene.String(description="The article number.")
    product = graphene.Field(lambda: Product, required=True, description="Of which product it is one.")
    channel = graphene.String(description="In which channel it was looked up.")
    pricing = graphene.Field(VariantPricingInfo, description="What it costs.")
    quantity_available = graphene.Int(description="How many can be bought.")
    external_reference = graphene.String(description="Its id in another system.")

    class Meta:
        default_resolver = ChannelContextType.resolver_with_context
        description = "One of the forms in which a product is sold."
        model = models.ProductVariant
        interfaces = [relay.Node]

    @staticmethod
    def resolve_channel(root: ChannelContext, _info: Any) -> str | None:
        return root.channel_slug

    @staticmethod
    def resolve_name(root: ChannelContext, _info: Any) -> str:
        return str(root.node)

    @staticmethod
    def resolve_product(root: ChannelContext, info: Any) -> Promise:
        loaded = ProductByIdLoader(info.context).load(root.node.product_id)
        return loaded.then(lambda product: ChannelContext(product, root.channel_slug))

    @staticmethod
    def resolve_pricing(root: ChannelContext, info: Any) -> Promise | None:
        if not root.channel_slug:
            return None

        def pricing(listing: models.ProductVariantChannelListing | None) -> VariantPricingInfo | None:
            if listing is None:
                return None
            return VariantPricingInfo(
                price=_taxed(listing.discounted_price or listing.price),
                price_undiscounted=_taxed(listing.price),
            )

        key = (root.node.pk, root.channel_slug)
        return VariantChannelListingByVariantIdAndChannelSlugLoader(info.context).load(key).then(pricing)

    @staticmethod
    def resolve_quantity_available(root: ChannelContext, info: Any) -> int | None:
        if not root.node.track_inventory:
            return None
        stocks = Stock.objects.using(get_database_connection_name(info.context))
        with allow_writer_in_context(info.context):
            totals = stocks.filter(product_variant=root.node.pk).aggregate(
                quantity=Sum("quantity"), allocated=Sum("quantity_allocated")
            )
        return (totals["quantity"] or 0) - (totals["allocated"] or 0)


@federated_entity("id channel")
class Product(ChannelContextType[models.Product]):
    id = graphene.GlobalID(required=True, description="The id.")
    name = graphene.String(required=True, description="What shoppers call it.")
    slug = graphene.String(required=True, description="Its part of an address.")
    description = JSONString(description="What it is, as rich text.")
    rating = graphene.Float(description="What buyers think of it.")
    created = DateTime(required=True, description="When it was created.")
    updated_at = DateTime(required=True, description="When it last changed.")
    channel = graphene.String(description="In which channel it was looked up.")
    category = graphene.Field(Category, description="Where it stands in the tree.")
    default_variant = graphene.Field(ProductVariant, description="The variant to show first.")
    variants = NonNullList(ProductVariant, description="The forms in which it is sold.")
    pricing = graphene.Field(ProductPricingInfo, description="What it costs.")
    is_available_for_purchase = graphene.Boolean(description="Whether it can be bought now.")
    external_reference = graphene.String(description="Its id in another system.")

    class Meta:
        default_resolver = ChannelContextType.resolver_with_context
        description = "Something for sale."
        model = models.Product
        interfaces = [relay.Node]

    @staticmethod
    def resolve_created(root: ChannelContext, _info: Any) -> Any:
        return root.node.created_at

    @staticmethod
    def resolve_channel(root: ChannelContext, _info: Any) -> str | None:
        return root.channel_slug

    @staticmethod
    def resolve_category(root: ChannelContext, info: Any) -> Promise | None:
        category_id = root.node.category_id
        return CategoryByIdLoader(info.context).load(category_id) if category_id else None

    @staticmethod
    def resolve_default_variant(root: ChannelContext, info: Any) -> Promise | None:
        if not root.node.default_variant_id:
            return None
        loaded = ProductVariantByIdLoader(info.context).load(root.node.default_variant_id)
        return loaded.then(lambda variant: ChannelContext(variant, root.channel_slug))

    @staticmethod
    def resolve_variants(root: ChannelContext, info: Any) -> Promise:
        loaded = ProductVariantsByProductIdLoader(info.context).load(root.node.pk)
        return loaded.then(lambda variants: [ChannelContext(variant, root.channel_slug) for variant in variants])

    @staticmethod
    def resolve_pricing(root: ChannelContext, info: Any) -> Promise | None:
        if not root.channel_slug:
            return None

        def load_listings(variants: list[models.ProductVariant]) -> Promise:
            loader = VariantChannelListingByVariantIdAndChannelSlugLoader(info.context)
            return loader.load_many([(variant.pk, root.channel_slug) for variant in variants])

        def pricing(listings: list[models.ProductVariantChannelListing | None]) -> ProductPricingInfo | None:
            prices = [row.discounted_price or row.price for row in listings if row]
            if not prices:
                return None
            lowest, highest = _taxed(min(prices)), _taxed(max(prices))
            return ProductPricingInfo(price_range=TaxedMoneyRange(start=lowest, stop=highest))

        variants = ProductVariantsByProductIdLoader(info.context).load(root.node.pk)
        return variants.then(load_listings).then(pricing)

    @staticmethod
    def resolve_is_available_for_purchase(root: ChannelContext, info: Any) -> Promise | None:
        if not root.channel_slug:
            return None
        key = (root.node.pk, root.channel_slug)
        loaded = ProductChannelListingByProductIdAndChannelSlugLoader(info.context).load(key)
        return loaded.then(lambda listing: bool(listing and listing.is_available_for_purchase()))

    @staticmethod
    def __resolve_references(roots: list["Product"], info: Any) -> list[ChannelContext | None]:
        requestor = get_user_or_app_from_context(info.context)
        database = get_database_connection_name(info.context)
        channels = {root.channel for root in roots}
        slug = next(iter(channels)) if len(channels) == 1 else None
        channel = models.Channel.objects.using(database).filter(slug=slug).first()
        visible = models.Product.objects.using(database).visible_to_user(requestor, channel, bool(slug))
        found = resolve_federation_references(Product, roots, visible)
        return [ChannelContext(product, slug) if product else None for product in found]


class ProductCountableConnection(CountableConnection):
    class Meta:
        doc_category = DOC_CATEGORY_PRODUCTS
        node = Product
