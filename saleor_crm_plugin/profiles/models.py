"""Customers as persons: who they are, what they ordered, and the numbers that follow from it.

Amounts are gross, in the currency of the row. `ProfileMetrics` is a function of `ProfileOrder`, which is a function of
Saleor's orders: both can be recomputed at any time.
"""

from __future__ import annotations

from django.db import models

from saleor_crm_plugin.fields import money_field, saleor_key


class LifecycleStage(models.TextChoices):
    """Where a customer stands with the shop."""

    PROSPECT = "prospect"
    FIRST_TIME = "first_time"
    REPEAT = "repeat"
    LOYAL = "loyal"
    AT_RISK = "at_risk"
    LAPSED = "lapsed"
    WON_BACK = "won_back"


class CustomerType(models.TextChoices):
    B2C = "b2c"
    B2B = "b2b"
    B2G = "b2g"


class ErasureLevel(models.TextChoices):
    """How far a person has been forgotten; each level does what the one before does, too."""

    NONE = ""
    # Nothing is computed, sent or recommended any more.
    STOP = "stop"
    # Nothing personal is left: no address, no text; numbers stay.
    ANONYMISE = "anonymise"
    # Nothing is left but the ledger of points, and no order of theirs is taken in again.
    DELETE = "delete"


class CustomerProfile(models.Model):
    """One person: a user of the shop, or a guest known by an e-mail address. Outlives the user's deletion."""

    user = saleor_key("account.User", unique=True, null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # The profile that this one was joined to: the person is found there. The head is never merged itself.
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, related_name="merged", null=True)
    # Empty until it is first computed, and for whoever refuses profiling.
    lifecycle_stage = models.CharField(
        max_length=16, choices=LifecycleStage.choices, blank=True, default="", db_default=""
    )
    lifecycle_since = models.DateTimeField(null=True)
    # When the customer was first found at risk or lapsed, in the silence that goes on, or in the last one that an
    # order ended; an order placed later wins the customer back.
    found_quiet_at = models.DateTimeField(null=True)
    customer_type = models.CharField(
        max_length=8, choices=CustomerType.choices, default=CustomerType.B2C, db_default=CustomerType.B2C
    )
    # Staff have said it; no rule changes it then.
    customer_type_by_hand = models.BooleanField(default=False, db_default=False)
    # What the consents of the person come to (`consents`): kept here for statements over everybody.
    profiling_allowed = models.BooleanField(default=True, db_default=True)
    recommendations_allowed = models.BooleanField(default=True, db_default=True)
    # The person has asked to be forgotten (`privacy`): nothing personal is computed from then on.
    erased_at = models.DateTimeField(null=True)
    erasure_level = models.CharField(
        max_length=16,
        choices=ErasureLevel.choices,
        blank=True,
        default=ErasureLevel.NONE,
        db_default=ErasureLevel.NONE,
    )

    class Meta:
        db_table = "crm_customer_profile"
        indexes = [
            models.Index(
                name="crm_profile_by_age", fields=["created_at", "id"], condition=models.Q(merged_into__isnull=True)
            ),
        ]
        constraints = [
            models.CheckConstraint(
                name="crm_profile_is_not_merged_into_itself", condition=~models.Q(merged_into=models.F("id"))
            ),
            models.CheckConstraint(
                name="crm_profile_with_an_erasure_level_is_erased",
                condition=models.Q(erasure_level="") | models.Q(erased_at__isnull=False),
            ),
        ]


class IdentityKind(models.TextChoices):
    VERIFIED_EMAIL = "verified_email"
    UNVERIFIED_EMAIL = "unverified_email"
    # Was verified, until the user changed the address. Leads to nobody; the orders that came by it stay.
    FORMER_EMAIL = "former_email"
    EXTERNAL_REFERENCE = "external_reference"


class ProfileIdentity(models.Model):
    """A name by which a person without (or before) an account is found again.

    A user's own e-mail is read from Saleor, not copied here. E-mails are stored as `identity.normalize_email` gives
    them.
    """

    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="identities")
    kind = models.CharField(max_length=24, choices=IdentityKind.choices)
    value = models.CharField(max_length=254)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "crm_profile_identity"
        constraints = [
            models.UniqueConstraint(name="crm_identity_belongs_to_one_profile", fields=["kind", "value"]),
        ]


class ProfileOrder(models.Model):
    """An order as a fact about a person. One row for each order that is not a draft."""

    order_id = models.UUIDField(primary_key=True)
    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="orders", db_index=False)
    # The profile that the order is of, where that was merged into `profile`: whom it goes back to.
    placed_by = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="+", null=True)
    channel_id = models.IntegerField()
    currency = models.CharField(max_length=3)
    placed_at = models.DateTimeField()
    # False for orders that are unconfirmed, cancelled or expired, and for replacements: known, but not purchases.
    counts = models.BooleanField()
    gross_amount = money_field()
    refunded_amount = money_field()
    # Pieces, and those of them that came back.
    items = models.IntegerField(default=0, db_default=0)
    returned_items = models.IntegerField(default=0, db_default=0)
    # Saleor has given it to another channel than it was placed in, as it does when it deletes one.
    is_moved = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "crm_profile_order"
        constraints = [
            models.CheckConstraint(
                name="crm_order_placed_by_a_merged_profile", condition=~models.Q(placed_by=models.F("profile"))
            ),
            models.CheckConstraint(
                name="crm_order_returns_at_most_its_items",
                condition=models.Q(returned_items__gte=0, returned_items__lte=models.F("items")),
            ),
        ]
        indexes = [models.Index(name="crm_profile_order_history", fields=["profile", "currency", "placed_at"])]


class RFMGroup(models.TextChoices):
    CHAMPIONS = "champions"
    LOYAL = "loyal"
    ACTIVE = "active"
    PROMISING = "promising"
    NEW = "new"
    NEEDS_ATTENTION = "needs_attention"
    AT_RISK = "at_risk"
    PREVIOUSLY_LOYAL = "previously_loyal"
    ALMOST_LOST = "almost_lost"
    DORMANT = "dormant"
    PROSPECTS = "prospects"


class PredictionStatus(models.TextChoices):
    """Whether there is a forecast, and if not, why."""

    # The shop's history is too short or too small for any forecast.
    INSUFFICIENT_DATA = "insufficient_data"
    # This customer has bought nothing yet that a forecast could start from.
    NO_PURCHASES = "no_purchases"
    # The customer refuses profiling.
    REFUSED = "refused"
    PREDICTED = "predicted"


class ProfileMetrics(models.Model):
    """A person's purchases in one currency, net of cancelled orders and refunds."""

    profile = models.ForeignKey(CustomerProfile, on_delete=models.CASCADE, related_name="metrics", db_index=False)
    currency = models.CharField(max_length=3)
    orders_count = models.IntegerField()
    gross_spent = money_field()
    refunded = money_field()
    net_spent = money_field()
    average_order_value = money_field(null=True)
    first_order_at = models.DateTimeField(null=True)
    last_order_at = models.DateTimeField(null=True)
    # None below two orders.
    average_days_between_orders = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    items_count = models.IntegerField(default=0, db_default=0)
    returned_items = models.IntegerField(default=0, db_default=0)
    # 1 (worst) to 5 (best), by quintile among the customers of the currency; None until the first RFM run, and for
    # whoever has no order within the RFM window.
    recency_score = models.SmallIntegerField(null=True)
    frequency_score = models.SmallIntegerField(null=True)
    monetary_score = models.SmallIntegerField(null=True)
    rfm_group = models.CharField(max_length=24, choices=RFMGroup.choices, blank=True, default="")
    # The forecast (`clv`); all None unless the status is "predicted".
    prediction_status = models.CharField(
        max_length=24,
        choices=PredictionStatus.choices,
        default=PredictionStatus.INSUFFICIENT_DATA,
        db_default=PredictionStatus.INSUFFICIENT_DATA,
    )
    # Net money, and number of orders, over the days that the forecast is for.
    predicted_clv = money_field(null=True)
    predicted_orders = models.FloatField(null=True)
    # That the customer still buys at all, and that no order comes within the days that the forecast is for.
    probability_alive = models.FloatField(null=True)
    churn_probability = models.FloatField(null=True)
    expected_next_order_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "crm_profile_metrics"
        constraints = [
            models.UniqueConstraint(name="crm_metrics_one_row_per_currency", fields=["profile", "currency"]),
            models.CheckConstraint(
                name="crm_metrics_net_is_gross_less_refunds",
                condition=models.Q(net_spent=models.F("gross_spent") - models.F("refunded")),
            ),
        ]
