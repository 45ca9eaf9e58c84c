"""Enums of the tiers."""

from __future__ import annotations

from saleor.graphql.core.doc_category import DOC_CATEGORY_DISCOUNTS

from saleor_crm_plugin.graphql.enums import enum_of
from saleor_crm_plugin.loyalty.tiers.standing import Basis, Downgrade
from saleor_crm_plugin.loyalty.tiers.windows import WindowKind

TierBasisEnum = enum_of(
    "TierBasisEnum",
    {
        Basis.POINTS_EARNED: "Points earned by orders and actions, less those taken back; spending changes nothing.",
        Basis.NET_SPEND: "Money spent in the policy's currency, tax and shipping included, less refunds.",
    },
    "What counts towards a tier.",
    DOC_CATEGORY_DISCOUNTS,
)
TierWindowEnum = enum_of(
    "TierWindowEnum",
    {
        WindowKind.ROLLING: "The last days or months.",
        WindowKind.CALENDAR_YEAR: "A year in UTC; what it came to holds to the end of the next one.",
        WindowKind.LIFETIME: "All time.",
    },
    "How long something counts towards a tier.",
    DOC_CATEGORY_DISCOUNTS,
)
TierDowngradeEnum = enum_of(
    "TierDowngradeEnum",
    {
        Downgrade.ONE_LEVEL: "To the next lower tier, for one more window.",
        Downgrade.TO_QUALIFIED: "To the tier that is still earned, or to none.",
    },
    "Where a customer goes who has lost a tier.",
    DOC_CATEGORY_DISCOUNTS,
)
