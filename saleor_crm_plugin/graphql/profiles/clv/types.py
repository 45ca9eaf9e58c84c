"""`crmStatus { forecasts }`: the newest fit in each currency."""

from __future__ import annotations

from typing import Any

import graphene
from saleor.graphql.core.doc_category import DOC_CATEGORY_SHOP
from saleor.graphql.core.scalars import Date, DateTime
from saleor.graphql.core.types.base import BaseObjectType

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010
from saleor_crm_plugin.graphql.profiles.clv.enums import ForecastModelEnum, ForecastStatusEnum
from saleor_crm_plugin.profiles.clv.models import ClvFit


class CrmForecast(BaseObjectType):
    currency = graphene.String(required=True, description="Currency of the orders.")
    status = ForecastStatusEnum(required=True, description="Whether customers have forecasts in this currency.")
    reason = graphene.String(
        required=True,
        description="Why there is no forecast, and which models were not used and why. Empty if all is well.",
    )
    fitted_at = DateTime(required=True, description="The moment from which the forecast looks ahead.")
    forecast_days = graphene.Int(required=True, description="How many days ahead it looks.")
    model = ForecastModelEnum(description="Which model forecasts orders. Null without a forecast.")
    churn_model = ForecastModelEnum(
        description="Which model tells who has left; never BG_NBD. Null where none can: then `probabilityAlive`, "
        "`churnProbability` and `expectedNextOrderAt` are null for everybody."
    )
    customers = graphene.Int(required=True, description="Customers who have bought, without those who refuse.")
    history_days = graphene.Int(required=True, description="Age of the first order in days.")
    loyal_customers = graphene.Int(required=True, description="Customers who have bought on three days or more.")
    scored_customers = graphene.Int(required=True, description="Customers who have a forecast.")
    calibration_from = Date(description="First day that the model was fitted on for the comparison.")
    holdout_from = Date(description="First day that was held out: the forecast made before it was compared with it.")
    holdout_until = Date(description="Last day that was held out.")
    holdout_customers = graphene.Int(description="Customers in the comparison: those who had bought before.")
    mae = graphene.Float(description="Mean absolute error of a customer's number of purchases in the hold-out.")
    rmse = graphene.Float(description="Root of the mean squared error. The model with the least is used.")
    bias = graphene.Float(
        description="Sum of the forecasts by sum of the purchases: 1 is right, below 1 too few. Null without purchases."
    )
    churn_auc = graphene.Float(
        description="How often, of a customer who bought and one who did not, the latter was thought likelier not to: "
        "0.5 is chance, 1 always. Null where all bought or nobody."
    )
    naive_mae = graphene.Float(
        description="Mean absolute error of the forecast that everybody buys as often again as in as many days before."
    )
    naive_rmse = graphene.Float(description="Root of its mean squared error.")
    naive_bias = graphene.Float(description="Sum of its forecasts by sum of the purchases.")

    class Meta:
        description = (
            "The forecast of customers' orders in a currency, and how it would have done on orders that it had not "
            "seen." + ADDED_IN_010
        )
        doc_category = DOC_CATEGORY_SHOP

    @staticmethod
    def resolve_model(root: ClvFit, _info: Any) -> str | None:
        return root.model or None

    @staticmethod
    def resolve_churn_model(root: ClvFit, _info: Any) -> str | None:
        return root.churn_model or None
