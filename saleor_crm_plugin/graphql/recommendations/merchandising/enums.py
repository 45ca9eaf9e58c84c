"""Enums of merchandising."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_PRODUCTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.recommendations.merchandising.definition import RuleAction
from saleor_crm_plugin.recommendations.merchandising.reranking import Cause

MerchandisingActionEnum = enum_of(
    "MerchandisingActionEnum",
    {
        RuleAction.PIN: "Its products take the places from `position` on, also where they are not in the list.",
        RuleAction.BOOST: "Its products go where those at a fraction of their place would go.",
        RuleAction.BURY: "Its products go where those at a multiple of their place would go.",
        RuleAction.EXCLUDE: "Its products are not recommended. It wins over all other rules.",
    },
    "What a merchandising rule does with its products.",
    DOC_CATEGORY_PRODUCTS,
)
MerchandisingCauseEnum = enum_of(
    "MerchandisingCauseEnum",
    {
        Cause.NEW: "It has one of the places that the shop keeps for new products.",
        Cause.DIVERSITY: "It waited, because there was too much of its brand or category before it.",
    },
    "What beside the rules had a say in where a product is.",
    DOC_CATEGORY_PRODUCTS,
)
