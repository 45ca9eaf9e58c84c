"""What this domain holds about a person, and how it is taken away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from django.db.models import Q, QuerySet

from saleor_crm_plugin.holdings import Holding
from saleor_crm_plugin.recommendations.models import PersonalRecommendations
from saleor_crm_plugin.recommendations.storage import forget_personal
from saleor_crm_plugin.recommendations.tracking.forgetting import forget_events
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent


@dataclass(frozen=True, slots=True)
class EventHolding(Holding):
    """Events of a person, with those of their sessions from before they signed in."""

    OLDEST_FIRST: ClassVar[tuple[str, ...]] = ("occurred_at", "pk")

    def of(self, profile_ids: Collection[int], using: str) -> QuerySet[Any, Any]:
        events = RecommendationEvent.objects.using(using)
        theirs = events.filter(profile__in=profile_ids)
        sessions = theirs.filter(session__isnull=False).values("session")
        return events.filter(Q(profile__in=profile_ids) | Q(profile__isnull=True, session__in=sessions)).order_by()


HOLDINGS: Final = (
    Holding("recommendations", PersonalRecommendations, "profile"),
    EventHolding("recommendationEvents", RecommendationEvent, "profile", hidden=("id", "session")),
)


def forget_customers(profile_ids: Sequence[int], using: str) -> None:
    """Take away what is known of persons who refuse it, or are erased. The caller holds locks on their profiles."""
    forget_personal(profile_ids, using)
    forget_events(profile_ids, using)
