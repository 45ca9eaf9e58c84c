from django.db import models

from ..product.models import Product


class Attribute(models.Model):
    slug = models.SlugField(max_length=250, unique=True, allow_unicode=True)
    name = models.CharField(max_length=255)
    storefront_search_position = models.IntegerField(default=0, blank=True)

    class Meta:
        ordering = ("storefront_search_position", "slug")


class AttributeValue(models.Model):
    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, allow_unicode=True)
    attribute = models.ForeignKey(Attribute, related_name="values", on_delete=models.CASCADE)
    sort_order = models.IntegerField(editable=False, db_index=True, null=True)

    class Meta:
        ordering = ("sort_order", "pk")
        unique_together = ("slug", "attribute")


class AssignedProductAttributeValue(models.Model):
    value = models.ForeignKey(AttributeValue, on_delete=models.CASCADE, related_name="productvalueassignment")
    product = models.ForeignKey(Product, related_name="attributevalues", on_delete=models.CASCADE)
    sort_order = models.IntegerField(editable=False, db_index=True, null=True)

    class Meta:
        ordering = ("sort_order", "pk")
        unique_together = (("value", "product"),)
