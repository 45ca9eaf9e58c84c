"""Each fit of the forecast, with what it was judged by. Rows are added, the oldest removed, none changed."""

from __future__ import annotations

from django.db import models


class FitStatus(models.TextChoices):
    FITTED = "fitted"
    # Too few customers, too short a history, or too few who came back.
    INSUFFICIENT_DATA = "insufficient_data"
    # No model describes these customers.
    DEGENERATE = "degenerate"


class ClvModel(models.TextChoices):
    BG_NBD = "bg_nbd"
    MBG_NBD = "mbg_nbd"
    PARETO_NBD = "pareto_nbd"


class ClvFit(models.Model):
    """One night's fit in one currency. Days are calendar days in UTC, the ends included."""

    currency = models.CharField(max_length=3)
    fitted_at = models.DateTimeField()
    status = models.CharField(max_length=24, choices=FitStatus.choices)
    # Why there is no forecast, and which models were not used and why; empty if nothing is to be said.
    reason = models.TextField(blank=True, default="")
    forecast_days = models.IntegerField()
    # What the gate looks at: customers who have bought, days since the first order, and customers who have bought on
    # three days or more.
    customers = models.IntegerField()
    history_days = models.IntegerField()
    loyal_customers = models.IntegerField()
    # Empty unless the status is "fitted".
    model = models.CharField(max_length=16, choices=ClvModel.choices, blank=True, default="")
    # By which P(alive) and churn are told; empty where no model can.
    churn_model = models.CharField(max_length=16, choices=ClvModel.choices, blank=True, default="")
    # {"model": {name: value}, "churn_model": …, "value_model": …, "valued_share": share of purchases worth anything}.
    # Times are in weeks.
    parameters = models.JSONField(default=dict)
    # The hold-out: fitted from `calibration_from` up to the day before `holdout_from`, compared from then on.
    calibration_from = models.DateField(null=True)
    holdout_from = models.DateField(null=True)
    holdout_until = models.DateField(null=True)
    holdout_customers = models.IntegerField(null=True)
    mae = models.FloatField(null=True)
    rmse = models.FloatField(null=True)
    bias = models.FloatField(null=True)
    churn_auc = models.FloatField(null=True)
    naive_mae = models.FloatField(null=True)
    naive_rmse = models.FloatField(null=True)
    naive_bias = models.FloatField(null=True)
    # Rows of metrics that have a forecast by it.
    scored_customers = models.IntegerField(default=0)

    class Meta:
        db_table = "crm_clv_fit"
        constraints = [
            models.CheckConstraint(
                name="crm_clv_fit_has_a_model_exactly_if_fitted",
                condition=models.Q(status=FitStatus.FITTED) & ~models.Q(model="")
                | ~models.Q(status=FitStatus.FITTED) & models.Q(model="", churn_model="", scored_customers=0),
            ),
            models.CheckConstraint(
                name="crm_clv_fit_tells_churn_never_by_bg_nbd", condition=~models.Q(churn_model=ClvModel.BG_NBD)
            ),
        ]
        indexes = [models.Index(name="crm_clv_fit_newest", fields=["currency", "-id"])]
