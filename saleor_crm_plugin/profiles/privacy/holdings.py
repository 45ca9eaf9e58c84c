"""What this domain holds about a person."""

from __future__ import annotations

from typing import Final

from saleor_crm_plugin.holdings import Holding
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.merging.models import ProfileMerge
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileIdentity, ProfileMetrics, ProfileOrder
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.privacy.models import DataRequest
from saleor_crm_plugin.profiles.segments.models import SegmentMembership
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent

HOLDINGS: Final = (
    Holding("profile", CustomerProfile, "pk"),
    Holding("identities", ProfileIdentity, "profile"),
    Holding("orders", ProfileOrder, "profile"),
    Holding("merges", ProfileMerge, "source"),
    Holding("metrics", ProfileMetrics, "profile"),
    Holding("events", ProfileEvent, "profile"),
    Holding("consents", ConsentRecord, "profile"),
    Holding("notes", CustomerNote, "profile"),
    Holding("tags", CustomerTag, "profile"),
    Holding("segments", SegmentMembership, "profile"),
    Holding("feedback", OrderFeedback, "profile"),
    Holding("reviews", ProductReview, "feedback__profile"),
    Holding("dataRequests", DataRequest, "profile", hidden=("token_digest",)),
)
