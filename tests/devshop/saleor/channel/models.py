from django.conf import settings
from django.db import models

from ..permission.enums import ChannelPermissions
from . import AllocationStrategy, MarkAsPaidStrategy, TransactionFlowStrategy


class Channel(models.Model):
    name = models.CharField(max_length=250)
    slug = models.SlugField(max_length=255, unique=True)
    is_active = models.BooleanField(default=False)
    currency_code = models.CharField(max_length=settings.DEFAULT_CURRENCY_CODE_LENGTH)
    default_country = models.CharField(max_length=2)
    allocation_strategy = models.CharField(
        max_length=255,
        choices=AllocationStrategy.CHOICES,
        default=AllocationStrategy.PRIORITIZE_SORTING_ORDER,
    )
    order_mark_as_paid_strategy = models.CharField(
        max_length=255, choices=MarkAsPaidStrategy.CHOICES, default=MarkAsPaidStrategy.PAYMENT_FLOW
    )
    default_transaction_flow_strategy = models.CharField(
        max_length=255, choices=TransactionFlowStrategy.CHOICES, default=TransactionFlowStrategy.CHARGE
    )
    automatically_confirm_all_new_orders = models.BooleanField(default=True, null=True)
    allow_unpaid_orders = models.BooleanField(default=False)
    expire_orders_after = models.IntegerField(default=None, null=True, blank=True)
    include_draft_order_in_voucher_usage = models.BooleanField(default=False)

    class Meta:
        ordering = ("slug",)
        permissions = ((ChannelPermissions.MANAGE_CHANNELS.codename, "Manage channels"),)

    def __str__(self) -> str:
        return self.slug
