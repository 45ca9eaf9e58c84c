from typing import Any

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from ..channel.models import Channel
from ..permission.utils import has_one_of_permissions


class ProductsQueryset(models.QuerySet):
    def published(self, channel: Channel) -> "ProductsQueryset":
        from .models import ProductChannelListing

        if not channel.is_active:
            return self.none()
        listings = ProductChannelListing.objects.using(self.db).filter(
            Q(published_at__lte=timezone.now()) | Q(published_at__isnull=True),
            product_id=OuterRef("pk"),
            channel_id=channel.pk,
            is_published=True,
        )
        return self.filter(Exists(listings))

    def published_with_variants(self, channel: Channel) -> "ProductsQueryset":
        from .models import ProductVariantChannelListing

        priced = ProductVariantChannelListing.objects.using(self.db).filter(
            variant__product_id=OuterRef("pk"), channel_id=channel.pk, price_amount__isnull=False
        )
        return self.published(channel).filter(Exists(priced))

    def visible_to_user(
        self, requestor: Any, channel: Channel | None, limited_channel_access: bool
    ) -> "ProductsQueryset":
        """Staff see all products, or all of a channel if the request is limited to one; others what is published."""
        from .models import ALL_PRODUCTS_PERMISSIONS, ProductChannelListing

        if has_one_of_permissions(requestor, ALL_PRODUCTS_PERMISSIONS):
            if not limited_channel_access:
                return self.all()
            if channel is None:
                return self.none()
            listings = ProductChannelListing.objects.using(self.db).filter(
                product_id=OuterRef("pk"), channel_id=channel.pk
            )
            return self.filter(Exists(listings))
        return self.none() if channel is None else self.published_with_variants(channel)


ProductManager = models.Manager.from_queryset(ProductsQueryset)


class ProductVariantQueryset(models.QuerySet):
    def available_in_channel(self, channel: Channel | None) -> "ProductVariantQueryset":
        from .models import ProductVariantChannelListing

        if channel is None:
            return self.none()
        priced = ProductVariantChannelListing.objects.using(self.db).filter(
            variant_id=OuterRef("pk"), channel_id=channel.pk, price_amount__isnull=False
        )
        return self.filter(Exists(priced))


ProductVariantManager = models.Manager.from_queryset(ProductVariantQueryset)
