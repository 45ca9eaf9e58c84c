from typing import Any

import graphene

from ...channel.models import Channel
from ...permission.utils import has_one_of_permissions
from ...product import models
from ..channel.utils import get_default_channel_slug_or_graphql_error
from ..core.connection import create_connection_slice
from ..core.context import ChannelContext, ChannelQsContext, get_database_connection_name
from ..core.doc_category import DOC_CATEGORY_PRODUCTS
from ..core.fields import BaseField, ConnectionField
from ..core.utils import from_global_id_or_error
from ..core.validators import validate_one_of_args_is_in_query
from ..utils import get_user_or_app_from_context, resolve_global_ids_to_primary_keys
from ._filters import ProductFilterInput
from .types.products import Product, ProductCountableConnection


class ProductQueries(graphene.ObjectType):
    product = BaseField(
        Product,
        id=graphene.Argument(graphene.ID, description="By id."),
        slug=graphene.Argument(graphene.String, description="By slug."),
        channel=graphene.String(description="In which channel; without one, the only channel there is."),
        description="One product.",
        doc_category=DOC_CATEGORY_PRODUCTS,
    )
    products = ConnectionField(
        ProductCountableConnection,
        filter=ProductFilterInput(description="Only some of them."),
        channel=graphene.String(description="In which channel; without one, the only channel there is."),
        description="The products that who asks may see.",
        doc_category=DOC_CATEGORY_PRODUCTS,
    )

    @staticmethod
    def resolve_product(
        _root: Any,
        info: Any,
        *,
        id: str | None = None,
        slug: str | None = None,
        channel: str | None = None,
    ) -> ChannelContext | None:
        validate_one_of_args_is_in_query("id", id, "slug", slug)
        visible, channel_slug = _visible_products(info, channel)
        if id:
            product = visible.filter(pk=from_global_id_or_error(id, Product, raise_error=True)[1]).first()
        else:
            product = visible.filter(slug=slug).first()
        return ChannelContext(product, channel_slug) if product else None

    @staticmethod
    def resolve_products(_root: Any, info: Any, *, channel: str | None = None, **kwargs: Any) -> Any:
        visible, channel_slug = _visible_products(info, channel)
        wanted = kwargs.get("filter") or {}
        if wanted.get("search"):
            visible = visible.filter(name__icontains=wanted["search"])
        if wanted.get("slugs"):
            visible = visible.filter(slug__in=wanted["slugs"])
        for argument, column in (("ids", "pk__in"), ("categories", "category_id__in")):
            if wanted.get(argument):
                keys = resolve_global_ids_to_primary_keys(wanted[argument])[1]
                visible = visible.filter(**{column: keys})
        return create_connection_slice(
            ChannelQsContext(visible, channel_slug), info, kwargs, ProductCountableConnection
        )


def _visible_products(info: Any, channel_slug: str | None) -> tuple[Any, str | None]:
    requestor = get_user_or_app_from_context(info.context)
    database = get_database_connection_name(info.context)
    sees_all = has_one_of_permissions(requestor, models.ALL_PRODUCTS_PERMISSIONS)
    if channel_slug is None and not sees_all:
        channel_slug = get_default_channel_slug_or_graphql_error(info.context.allow_replica)
    channel = Channel.objects.using(database).filter(slug=channel_slug).first() if channel_slug else None
    products = models.Product.objects.using(database)
    return products.visible_to_user(requestor, channel, channel_slug is not None), channel_slug
