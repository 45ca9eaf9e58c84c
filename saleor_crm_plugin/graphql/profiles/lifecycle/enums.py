"""Enums of stages and types."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.profiles.models import CustomerType, LifecycleStage

LifecycleStageEnum = enum_of(
    "LifecycleStageEnum",
    {
        LifecycleStage.PROSPECT: "Has bought nothing.",
        LifecycleStage.FIRST_TIME: "Has bought once, not long ago.",
        LifecycleStage.REPEAT: "Has bought more than once and keeps to the own rhythm.",
        LifecycleStage.LOYAL: "Has bought often and keeps to the own rhythm.",
        LifecycleStage.AT_RISK: "Has been silent for longer than usual.",
        LifecycleStage.LAPSED: "Has been silent for so long that they are probably gone.",
        LifecycleStage.WON_BACK: "Has bought again not long ago, after a long silence.",
    },
    "Where a customer stands with the shop.",
    DOC_CATEGORY_USERS,
)

# Saleor has types of its own named CustomerType… from 3.23 on; none of them is this.
CustomerTypeEnum = enum_of(
    "CustomerTypeEnum",
    {
        CustomerType.B2C: "A person.",
        CustomerType.B2B: "A company.",
        CustomerType.B2G: "An authority.",
    },
    "What kind of customer somebody is.",
    DOC_CATEGORY_USERS,
)
