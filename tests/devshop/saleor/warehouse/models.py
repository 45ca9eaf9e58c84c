import uuid

from django.db import models

from ..account.models import Address
from ..channel.models import Channel
from ..core.db import _columns
from ..product.models import ProductVariant


class Warehouse(models.Model):
    id = models.UUIDField(default=uuid.uuid4, primary_key=True)
    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, unique=True, allow_unicode=True)
    channels = models.ManyToManyField(Channel, related_name="warehouses", through="ChannelWarehouse")
    address = models.ForeignKey(Address, on_delete=models.PROTECT)
    is_private = models.BooleanField(default=True)
    external_reference = _columns.external_reference()

    class Meta:
        ordering = ("-slug",)

    def __str__(self) -> str:
        return self.name


class ChannelWarehouse(models.Model):
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="channelwarehouse")
    warehouse = models.ForeignKey(Warehouse, on_delete=models.CASCADE, related_name="channelwarehouse")
    sort_order = models.IntegerField(editable=False, db_index=True, null=True)

    class Meta:
        ordering = ("sort_order", "pk")
        unique_together = (("channel", "warehouse"),)


class Stock(models.Model):
    warehouse = models.ForeignKey(Warehouse, on_delete=models.CASCADE)
    product_variant = models.ForeignKey(ProductVariant, on_delete=models.CASCADE, related_name="stocks")
    quantity = models.IntegerField(default=0)
    quantity_allocated = models.IntegerField(default=0)

    class Meta:
        unique_together = [["warehouse", "product_variant"]]
        ordering = ("pk",)
