"""The tables, gathered for Django. Each domain declares its own."""

from saleor_crm_plugin.ingestion.models import OrderSync, SyncState
from saleor_crm_plugin.loyalty.models import (
    AccountMerge,
    LotConsumption,
    LoyaltyAccount,
    LoyaltyProgram,
    PointsHold,
    PointsLot,
    PointsTransaction,
)
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from saleor_crm_plugin.loyalty.reminders.models import LoyaltyReminder
from saleor_crm_plugin.loyalty.rewards.models import LoyaltyReward, RewardRedemption
from saleor_crm_plugin.loyalty.rules.models import EarningRule, EarningRuleUse, EarningRuleVersion
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierChange, TierMembership, TierPolicy
from saleor_crm_plugin.profiles.clv.models import ClvFit
from saleor_crm_plugin.profiles.consents.models import ConsentPolicy, ConsentRecord
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    ProfileIdentity,
    ProfileMetrics,
    ProfileOrder,
)
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule, MerchandisingRuleVersion
from saleor_crm_plugin.recommendations.models import (
    PersonalRecommendations,
    PopularProducts,
    ProductAffinity,
    RecommendationModel,
)
from saleor_crm_plugin.recommendations.tracking.models import EventQuota, RecommendationEvent

__all__ = [
    "AccountMerge",
    "ClvFit",
    "ConsentPolicy",
    "ConsentRecord",
    "CustomerNote",
    "CustomerProfile",
    "CustomerSegment",
    "CustomerTag",
    "DataRequest",
    "EarningRule",
    "EarningRuleUse",
    "EarningRuleVersion",
    "EventQuota",
    "LotConsumption",
    "LoyaltyAccount",
    "LoyaltyProgram",
    "LoyaltyReminder",
    "LoyaltyReward",
    "LoyaltyTier",
    "MerchandisingRule",
    "MerchandisingRuleVersion",
    "OrderFeedback",
    "OrderSync",
    "PersonalRecommendations",
    "PointsHold",
    "PointsLot",
    "PointsTransaction",
    "PopularProducts",
    "ProductAffinity",
    "ProductReview",
    "ProfileEvent",
    "ProfileIdentity",
    "ProfileMerge",
    "ProfileMetrics",
    "ProfileOrder",
    "RecommendationEvent",
    "RecommendationModel",
    "Referral",
    "ReferralCode",
    "RewardRedemption",
    "SegmentMembership",
    "SyncState",
    "TierChange",
    "TierMembership",
    "TierPolicy",
]
