"""A score from before the plugin kept when it was given counts from the first answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection

from saleor_crm_plugin.profiles.feedback.giving import Answer, change
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.feedback.reports import Interval, scores_over_time
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.profiles.segments.test_migration import APP, migrate

MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def give(score: int | None, scored_at: datetime | None) -> OrderFeedback:
    return OrderFeedback.objects.create(
        order_id=uuid4(),
        profile=CustomerProfile.objects.create(),
        channel_id=1,
        score=score,
        created_at=MAY,
        scored_at=scored_at,
    )


def stored() -> list[tuple[int | None, datetime | None]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT score, scored_at FROM crm_order_feedback ORDER BY id")
        return cursor.fetchall()


def test_scores_that_there_are() -> None:
    give(9, JUNE)
    give(None, None)

    migrate((APP, "0030_moved_orders"))
    migrate()

    assert stored() == [(9, MAY), (None, None)]


def test_one_that_a_process_of_an_earlier_version_writes_after_the_upgrade() -> None:
    """As it does: the answer first, then its score."""
    kept = give(None, None)
    OrderFeedback.objects.update(score=9)

    (month,) = scores_over_time(Interval.MONTH, MAY, JUNE, "default")
    assert (month.begins_at.month, month.promoters, month.responses) == (5, 1, 1)
    changed = change(
        kept.order_id, kept.profile_id, Answer(score=6), edit_days=30, moderated=False, now=MAY + timedelta(days=29)
    )
    assert changed.score == 6


def test_the_way_back_with_such_a_score() -> None:
    give(None, None)
    OrderFeedback.objects.update(score=9)

    migrate((APP, "0031_scored"))
    try:
        assert stored() == [(9, MAY)]
    finally:
        migrate()
