from __future__ import annotations

from decimal import Decimal

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rules.definition import Effect, ReferralSide, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus


@pytest.fixture
def rules(shop):
    """500 points for who brings a friend, 200 for the friend."""
    for side, points in ((ReferralSide.REFERRER, 500), (ReferralSide.FRIEND, 200)):
        create_rule(
            default_program_id(),
            f"For the {side}",
            RuleStatus.LIVE,
            RuleDefinition(Trigger.REFERRAL, Effect.FIXED_POINTS, Decimal(points), referral_side=side),
            SYSTEM,
        )
