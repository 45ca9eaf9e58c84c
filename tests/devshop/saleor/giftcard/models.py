import datetime

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone

from ..app.models import App
from ..core.db import _columns
from ..core.db.fields import MoneyField
from ..permission.enums import GiftcardPermissions
from . import GiftCardEvents


class GiftCardTag(models.Model):
    name = models.CharField(max_length=255, unique=True)

    class Meta:
        ordering = ("name",)


class GiftCardQueryset(models.QuerySet):
    def active(self, date: datetime.date) -> "GiftCardQueryset":
        return self.filter(Q(expiry_date__isnull=True) | Q(expiry_date__gte=date), is_active=True)


GiftCardManager = models.Manager.from_queryset(GiftCardQueryset)


class GiftCard(models.Model):
    code = models.CharField(max_length=16, unique=True, db_index=True)
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, blank=True, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, blank=True, null=True, on_delete=models.SET_NULL, related_name="gift_cards"
    )
    created_by_email = models.EmailField(null=True, blank=True)
    used_by_email = models.EmailField(null=True, blank=True)
    app = models.ForeignKey(App, blank=True, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    expiry_date = models.DateField(null=True, blank=True)
    tags = models.ManyToManyField(GiftCardTag, "gift_cards")
    last_used_on = models.DateTimeField(null=True, blank=True)
    currency = _columns.currency()
    initial_balance_amount = _columns.amount()
    initial_balance = MoneyField(amount_field="initial_balance_amount", currency_field="currency")
    current_balance_amount = _columns.amount()
    current_balance = MoneyField(amount_field="current_balance_amount", currency_field="currency")

    objects = GiftCardManager()

    class Meta:
        ordering = ("code",)
        permissions = ((GiftcardPermissions.MANAGE_GIFT_CARD.codename, "Manage gift cards"),)


class GiftCardEvent(models.Model):
    date = models.DateTimeField(default=timezone.now, editable=False)
    type = models.CharField(max_length=255, choices=GiftCardEvents.CHOICES)
    order = models.ForeignKey("order.Order", blank=True, null=True, on_delete=models.SET_NULL)
    gift_card = models.ForeignKey(GiftCard, related_name="events", on_delete=models.CASCADE)
    parameters = models.JSONField(blank=True, default=dict, encoder=DjangoJSONEncoder)

    class Meta:
        ordering = ("date",)
