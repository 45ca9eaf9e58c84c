"""The shop of these tests: 1 point for each unit, 14 days; 500 points for the referrer, 200 for the friend."""

from __future__ import annotations

from decimal import Decimal as D

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.loyalty.rules.definition import Effect, ReferralSide, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule, RuleStatus
from tests.devshop.factories import make_channel, make_customer
from tests.integration.loyalty.referrals.shop import APPLIED, BEFORE, terms


@pytest.fixture(autouse=True)
def channel():
    channel = make_channel()
    terms(channel)
    return channel


@pytest.fixture(autouse=True)
def rules():
    """The referrer gets 500, the friend 200."""
    both = [
        create_rule(
            default_program_id(),
            f"For the {side}",
            RuleStatus.LIVE,
            RuleDefinition(Trigger.REFERRAL, Effect.FIXED_POINTS, D(points), referral_side=side),
            SYSTEM,
        )
        for side, points in ((ReferralSide.REFERRER, 500), (ReferralSide.FRIEND, 200))
    ]
    EarningRule.objects.update(in_force_since=BEFORE)
    return both


@pytest.fixture
def rita():
    return make_customer("rita@example.com")


@pytest.fixture
def fred():
    return make_customer("fred@example.com")


@pytest.fixture
def applied(rita, fred) -> Referral:
    return apply_code(fred, create_code(rita).code, APPLIED)
