"""Enums of the forecasts."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_SHOP, DOC_CATEGORY_USERS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.profiles.clv.models import ClvModel, FitStatus
from saleor_crm_plugin.profiles.models import PredictionStatus

PredictionStatusEnum = enum_of(
    "CustomerPredictionStatusEnum",
    {
        PredictionStatus.PREDICTED: "There is a forecast.",
        PredictionStatus.INSUFFICIENT_DATA: "There is none yet: the shop has too few customers or too short a history "
        "(`crmStatus` says what is missing), or the customer has bought for the first time since last night.",
        PredictionStatus.NO_PURCHASES: "There is none: the customer has no order that counts in this currency.",
        PredictionStatus.REFUSED: "There is none: the customer refuses profiling or was erased, or the profile was "
        "merged into another.",
    },
    "Whether there is a forecast for a customer, and if not, why.",
    DOC_CATEGORY_USERS,
)

ForecastStatusEnum = enum_of(
    "CrmForecastStatusEnum",
    {
        FitStatus.FITTED: "Customers have forecasts.",
        FitStatus.INSUFFICIENT_DATA: "Nobody has one: there are too few customers, or too short a history.",
        FitStatus.DEGENERATE: "Nobody has one: no model describes these customers.",
    },
    "Whether there are forecasts in a currency.",
    DOC_CATEGORY_SHOP,
)

ForecastModelEnum = enum_of(
    "CrmForecastModelEnum",
    {
        ClvModel.BG_NBD: "BG/NBD: customers may leave after each repeat purchase (Fader, Hardie & Lee 2005).",
        ClvModel.MBG_NBD: "MBG/NBD: customers may leave after each purchase, the first too (Batislam et al. 2007).",
        ClvModel.PARETO_NBD: "Pareto/NBD: customers may leave at any time (Schmittlein et al. 1987).",
    },
    "How customers are taken to buy and to leave.",
    DOC_CATEGORY_SHOP,
)
