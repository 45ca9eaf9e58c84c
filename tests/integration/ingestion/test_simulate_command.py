"""`manage.py crm_simulate_rule`: the same numbers as the API, for any number of orders."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D
from io import StringIO

import graphene
import pytest
from django.core.management import CommandError, call_command

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import simulation
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rules.definition import Effect, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(databases=["default", "replica"])

MARCH = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def rule_id() -> str:
    definition = RuleDefinition(Trigger.ORDER, Effect.MULTIPLIER, D(2))
    rule = create_rule(default_program_id(), "Double", RuleStatus.OFF, definition, SYSTEM)
    return graphene.Node.to_global_id("LoyaltyEarningRule", rule.pk)


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("crm_simulate_rule", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_it_prints_what_the_rule_would_have_given(rule_id, monkeypatch):
    monkeypatch.setattr(simulation, "BATCH_SIZE", 1)
    dollars, euros = make_channel(), make_channel("de", "EUR")
    loyalty_settings(dollars, points_per_unit="1", point_value="0.015")
    loyalty_settings(euros, points_per_unit="1")
    first = make_order(
        make_customer(), channel=dollars, lines=[(make_product(price=20, channel=dollars), 1)], created_at=MARCH
    )
    second = make_order(
        make_customer(), channel=euros, lines=[(make_product(price=30, channel=euros), 1)], created_at=MARCH
    )
    assert run("--rule", rule_id, "--from", "2026-02-01", "--to", "2026-03-02T12:00") == [
        "50 points to 2 customers, on 2 of 2 orders",
        "EUR: 30 points, points cannot be spent",
        "USD: 20 points, worth 0.300",
        f"order {second.number}: 30 -> 60 points",
        f"order {first.number}: 20 -> 40 points",
    ]
    assert run("--rule", rule_id, "--from", "2026-02-01", "--to", "2026-03-02", "--channel", "de")[0] == (
        "30 points to 1 customers, on 1 of 1 orders"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--rule", "7"], "take the ID from `loyaltyEarningRules`"),
        (["--rule", graphene.Node.to_global_id("LoyaltyEarningRule", 999_999)], "There is no such rule"),
        (["--from", "yesterday"], "Enter a date"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], "must end after it begins"),
        (["--channel", "nowhere"], "no channel with this slug"),
    ],
)
def test_what_is_wrong_is_named(rule_id, arguments, message):
    given = arguments if "--rule" in arguments else ["--rule", rule_id, *arguments]
    with pytest.raises(CommandError, match=message):
        run(*given)
