"""A worker whose clock was ahead leaves times behind that are still to come: nothing waits for them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from saleor.checkout.models import Checkout

from saleor_crm_plugin.ingestion.checkout_events import scan_checkouts
from saleor_crm_plugin.ingestion.tier_facts import review_tiers
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.tiers.models import TierPolicy
from saleor_crm_plugin.loyalty.tiers.review import is_everybody_due
from saleor_crm_plugin.loyalty.tiers.scheme import load_scheme
from saleor_crm_plugin.profiles.timeline.models import ProfileEvent
from saleor_crm_plugin.recommendations import training
from saleor_crm_plugin.recommendations.models import RecommendationModel
from tests.devshop.factories import make_product
from tests.integration.loyalty.tiers.ladder import make_tiers

pytestmark = pytest.mark.django_db

YEAR = timedelta(days=365)
DAY = timedelta(days=1)


def test_checkouts_are_scanned_again(channel: Any, customer: Any) -> None:
    scan_checkouts(DAY, timezone.now() + YEAR)
    checkout = Checkout.objects.create(user=customer, channel=channel, currency="USD", total_gross_amount=Decimal(20))
    checkout.lines.create(variant=make_product(channel=channel).default_variant, quantity=2, currency="USD")

    scan_checkouts(DAY, timezone.now())

    assert ProfileEvent.objects.filter(subject_id=str(checkout.token)).exists()


def test_everybody_is_reviewed_and_the_day_counts_from_then() -> None:
    make_tiers(30)
    now = timezone.now()
    review_tiers(now)
    TierPolicy.objects.update(reviewed_at=now + YEAR)

    assert _is_due(now)
    review_tiers(now)
    assert not _is_due(now + timedelta(hours=1))
    assert _is_due(now + DAY)


def _is_due(now: Any) -> bool:
    scheme = load_scheme(default_program_id(), "default")
    assert scheme is not None
    return is_everybody_due(scheme, now)


@pytest.mark.parametrize(("ago", "is_old"), [(-YEAR, True), (DAY, False), (timedelta(days=8), True)])
def test_parameters_chosen_at_a_time_to_come_are_chosen_anew(ago: timedelta, is_old: bool) -> None:
    now = timezone.now()
    assert training._is_old(RecommendationModel(tuned_at=now - ago), now) is is_old
