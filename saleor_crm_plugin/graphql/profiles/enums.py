"""Enums of the customer fields."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_USERS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.profiles.models import RFMGroup

RfmGroupEnum = enum_of(
    "RfmGroupEnum",
    {
        RFMGroup.CHAMPIONS: "Bought very recently, often and for much.",
        RFMGroup.LOYAL: "Buy often and for much, the last time not long ago.",
        RFMGroup.ACTIVE: "Bought recently, with average frequency and spending.",
        RFMGroup.PROMISING: "Bought recently, seldom or for little so far.",
        RFMGroup.NEW: "Bought very recently, seldom or for little so far.",
        RFMGroup.NEEDS_ATTENTION: "Average in everything, and it has been a while.",
        RFMGroup.AT_RISK: "Used to buy often or for much, but not for a long time.",
        RFMGroup.PREVIOUSLY_LOYAL: "Were among the best, but have not bought for a long time.",
        RFMGroup.ALMOST_LOST: "Bought seldom or for little, and it has been a while.",
        RFMGroup.DORMANT: "Bought seldom or for little, and not for a long time, or not within the time that counts.",
        RFMGroup.PROSPECTS: "Have never bought.",
    },
    "Group of customers by recency, frequency and amount of their purchases.",
    DOC_CATEGORY_USERS,
)
