"""What the answers come to: the net promoter score over time, and the ratings of products.

Net promoter score (Reichheld 2003): the share of answers of 9 and 10 less the share of answers of 0 to 6, in points
from -100 to 100.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce, TruncMonth, TruncWeek

from saleor_crm_plugin.profiles.feedback.models import RATINGS, REJECTED, SCORE_GIVEN_AT, OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.segments.models import SegmentMembership

PROMOTER_FROM = 9
DETRACTOR_UP_TO = 6


class Interval(StrEnum):
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Scores:
    """Answers by what they say. `begins_at`: of the week or month; None for all together."""

    begins_at: datetime | None
    promoters: int
    passives: int
    detractors: int

    @property
    def responses(self) -> int:
        return self.promoters + self.passives + self.detractors

    @property
    def net_promoter_score(self) -> float | None:
        """-100 to 100; None without answers."""
        if not self.responses:
            return None
        return 100 * (self.promoters - self.detractors) / self.responses


@dataclass(frozen=True, slots=True)
class ProductRating:
    """`counts`: number of ratings of 1, 2, … 5."""

    counts: tuple[int, ...] = field(default=(0,) * len(RATINGS))

    @property
    def count(self) -> int:
        return sum(self.counts)

    @property
    def average(self) -> float | None:
        """1 to 5; None without ratings."""
        if not self.count:
            return None
        return sum(rating * count for rating, count in zip(RATINGS, self.counts, strict=True)) / self.count


def scores_over_time(
    interval: Interval,
    since: datetime,
    until: datetime,
    using: str,
    *,
    channels: QuerySet[Any, Any] | None = None,
    segment_id: int | None = None,
) -> list[Scores]:
    """Scores given at or after `since` and before `until`, by week (from Monday) or month on the shop's clock.

    Weeks and months without a score are left out. One SQL statement.

    Args:
        channels: ids of channels: only of orders placed in these.
        segment_id: only of customers who are in that segment now.
    """
    answers = OrderFeedback.objects.using(using).filter(score__isnull=False).annotate(given_at=SCORE_GIVEN_AT)
    answers = answers.filter(given_at__gte=since, given_at__lt=until)
    if channels is not None:
        answers = answers.filter(channel_id__in=channels)
    if segment_id is not None:
        # Answers stay with the profile that gave them; its head is who is in segments.
        person = Coalesce(OuterRef("profile__merged_into_id"), OuterRef("profile_id"))
        answers = answers.filter(Exists(SegmentMembership.objects.filter(segment_id=segment_id, profile_id=person)))
    trunc = TruncWeek if interval == Interval.WEEK else TruncMonth
    rows = (
        answers.annotate(begins_at=trunc("given_at"))
        .values("begins_at")
        .annotate(
            promoters=Count("pk", filter=Q(score__gte=PROMOTER_FROM)),
            detractors=Count("pk", filter=Q(score__lte=DETRACTOR_UP_TO)),
            responses=Count("pk"),
        )
        .order_by("begins_at")
    )
    return [
        Scores(
            row["begins_at"],
            row["promoters"],
            row["responses"] - row["promoters"] - row["detractors"],
            row["detractors"],
        )
        for row in rows
    ]


def total(scores: Collection[Scores]) -> Scores:
    """All of them together."""
    return Scores(
        None,
        sum(each.promoters for each in scores),
        sum(each.passives for each in scores),
        sum(each.detractors for each in scores),
    )


def ratings_of(product_ids: Collection[int], using: str) -> dict[int, ProductRating]:
    """The ratings of the products that have any, without rejected ones. One SQL statement."""
    rows = (
        ProductReview.objects.using(using)
        .filter(product_id__in=product_ids)
        .exclude(REJECTED)
        .values_list("product_id", "rating")
        .annotate(count=Count("pk"))
    )
    counts: dict[int, list[int]] = {}
    for product_id, rating, count in rows:
        counts.setdefault(product_id, [0] * len(RATINGS))[rating - RATINGS[0]] = count
    return {product_id: ProductRating(tuple(found)) for product_id, found in counts.items()}
