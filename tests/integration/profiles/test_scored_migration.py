"""A score from before the plugin kept when it was given counts from the first answer."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest
from django.db import connection

from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.profiles.segments.test_migration import APP, migrate

MAY, JUNE = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)


@pytest.mark.django_db
def test_scores_that_there_are() -> None:
    profile = CustomerProfile.objects.create()
    for score, scored_at in ((9, JUNE), (None, None)):
        OrderFeedback.objects.create(
            order_id=uuid4(), profile=profile, channel_id=1, score=score, created_at=MAY, scored_at=scored_at
        )

    migrate((APP, "0030_moved_orders"))
    migrate()

    with connection.cursor() as cursor:
        cursor.execute("SELECT score, scored_at FROM crm_order_feedback ORDER BY id")
        assert cursor.fetchall() == [(9, MAY), (None, None)]
