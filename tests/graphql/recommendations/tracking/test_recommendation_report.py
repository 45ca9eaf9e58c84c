"""`recommendationReport` and `crm_recommendation_report`."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from tests.devshop.factories import make_customer, make_order
from tests.integration.recommendations.tracking.visits import somebody
from tests.shop_settings import crm_settings

pytestmark = pytest.mark.django_db

REPORT = """
query ($channel: String!, $since: DateTime, $until: DateTime) {
  recommendationReport(channel: $channel, since: $since, until: $until) {
    since until attributionDays isFinal
    kinds { ...performance }
    total { ...performance }
    models { modelVersion shown clicked added clickThrough { value } }
    comparison {
      status since holdoutPercent changedCustomers customersNeeded
      heldOut { customers buyers revenue { amount currency } revenuePerCustomer { amount } }
      others { customers buyers revenue { amount currency } revenuePerCustomer { amount } }
      difference { amount } low { amount } high { amount }
    }
  }
}
fragment performance on RecommendationPerformance {
  kind shown clicked added orders lines revenue { amount currency }
  clickThrough { value low high successes trials } conversion { value low high successes trials }
}
"""


@pytest.fixture
def week(shop):
    """Eve was shown eight products, clicked two and bought one of them; Fay, held out, was shown two."""
    now = timezone.now()
    user = make_customer()
    eve, fay = CustomerProfile.objects.bulk_create([somebody(False, user=user), somebody(True)])

    def happened(type, times, profile, held_out=False):
        for _ in range(times):
            RecommendationEvent.objects.create(
                id=uuid4(), type=type, kind="for_you", product_id=shop.apple.pk, channel_id=shop.channel.pk,
                profile=profile, held_out=held_out, occurred_at=now - timedelta(days=2),
            )  # fmt: skip

    happened("shown", 8, eve)
    happened("clicked", 2, eve)
    happened("shown", 2, fay, held_out=True)
    order = make_order(user, channel=shop.channel, lines=[(shop.apple, 1)], created_at=now - timedelta(days=1))
    assert not sync_orders([order.pk]).failed
    crm_settings(holdout_percent="10")
    return now


def report(api, **arguments):
    return api.data(REPORT, channel="default-channel", **arguments)["recommendationReport"]


def test_what_it_says(week, staff_with):
    found = report(staff_with("MANAGE_PRODUCTS"))
    total = found["total"]
    assert (total["kind"], total["shown"], total["clicked"], total["added"]) == (None, 10, 2, 0)
    assert (total["orders"], total["lines"], total["revenue"]) == (1, 1, {"amount": 20, "currency": "USD"})
    share = total["clickThrough"]
    assert (share["value"], share["successes"], share["trials"]) == (0.2, 2, 10)
    assert (round(share["low"], 3), round(share["high"], 3)) == (0.057, 0.510)
    assert (total["conversion"]["successes"], total["conversion"]["trials"]) == (2, 2)
    assert found["kinds"] == [{**total, "kind": "FOR_YOU"}]
    assert found["models"] == [
        {"modelVersion": None, "shown": 10, "clicked": 2, "added": 0, "clickThrough": {"value": 0.2}}
    ]
    assert (found["attributionDays"], found["isFinal"]) == (7, False)
    assert found["comparison"] == {
        "status": "INSUFFICIENT_DATA",
        "since": found["since"],
        "holdoutPercent": 10,
        "changedCustomers": 0,
        "customersNeeded": 100,
        "heldOut": {
            "customers": 1,
            "buyers": 0,
            "revenue": {"amount": 0, "currency": "USD"},
            "revenuePerCustomer": {"amount": 0},
        },
        "others": {
            "customers": 1,
            "buyers": 1,
            "revenue": {"amount": 20, "currency": "USD"},
            "revenuePerCustomer": {"amount": 20},
        },
        "difference": None,
        "low": None,
        "high": None,
    }


def test_an_empty_shop(shop, staff_with):
    found = report(staff_with("MANAGE_ORDERS"))
    assert (found["kinds"], found["models"]) == ([], [])
    assert (found["total"]["clickThrough"], found["total"]["conversion"]) == (None, None)
    assert found["comparison"]["status"] == "NO_HOLDOUT"
    assert found["comparison"]["others"]["revenuePerCustomer"] is None


def test_another_time(week, staff_with):
    staff = staff_with("MANAGE_PRODUCTS")
    until = (week - timedelta(days=3)).isoformat()
    assert report(staff, until=until)["total"]["shown"] == 0
    assert report(staff, since=(week - timedelta(days=3)).isoformat())["total"]["shown"] == 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channel": "nowhere"}, "`channel`: There is no such channel."),
        ({"channel": "\0"}, "`channel`: There is no such channel."),
        ({"until": "2090-01-01T00:00:00+00:00"}, "`until`: The future is not known: give a moment that has passed."),
        (
            {"since": "2026-02-01T00:00:00+00:00", "until": "2026-01-01T00:00:00+00:00"},
            "`since`: The time must end after it begins.",
        ),
        ({"since": "2001-01-01T00:00:00+00:00"}, "`since`: Ask for at most 400 days at once."),
    ],
)
def test_what_cannot_be_asked(shop, staff_with, arguments, message):
    assert staff_with("MANAGE_PRODUCTS").error(REPORT, **{"channel": "default-channel", **arguments})[1] == message


def test_only_staff_with_orders_or_products(shop, anonymous, as_ann, staff_with, app_with):
    for requestor in (anonymous, as_ann, staff_with("MANAGE_USERS"), app_with("MANAGE_DISCOUNTS")):
        assert requestor.denied(REPORT, channel="default-channel") == {"MANAGE_ORDERS", "MANAGE_PRODUCTS"}
    assert report(app_with("MANAGE_ORDERS"))


def test_statements_do_not_grow(week, staff_with):
    staff = staff_with("MANAGE_PRODUCTS")
    before = staff.statements(REPORT, channel="default-channel")
    for profile in CustomerProfile.objects.bulk_create(CustomerProfile() for _ in range(20)):
        RecommendationEvent.objects.create(
            id=uuid4(), type="shown", kind="discover", product_id=1, channel_id=1, profile=profile, occurred_at=week
        )
    assert staff.statements(REPORT, channel="default-channel") == before


class TestCommand:
    def run(self, *arguments: str) -> str:
        out = io.StringIO()
        call_command("crm_recommendation_report", *arguments, stdout=out)
        return out.getvalue()

    def test_as_json(self, week):
        found = json.loads(self.run("default-channel", "--json"))
        assert found["total"]["revenue"] == "20.00"
        assert found["kinds"][0]["kind"] == "FOR_YOU"
        assert found["kinds"][0]["clickThrough"]["value"] == 0.2
        assert found["comparison"]["status"] == "INSUFFICIENT_DATA"
        assert found["comparison"]["since"] == found["since"]
        assert found["comparison"]["others"]["revenuePerCustomer"] == "20.00"

    def test_as_a_table(self, week):
        table = [" ".join(line.split()) for line in self.run("default-channel").splitlines()]
        assert table[1] == "shown clicked click-through added conversion orders revenue USD"
        assert table[2] == "FOR_YOU 10 2 20.00% (5.67% to 50.98%) 0 100.00% (34.24% to 100.00%) 1 20.00"
        assert table[3].startswith("in all 10 2")
        assert table[5:7] == ["held out 1 0 0.00 0.00", "others 1 1 20.00 20.00"]
        assert table[7] == ("Not enough data: each group needs 100 customers, by how uneven their spending is.")

    def test_after_a_change_of_the_percentage(self, week, shop):
        changed_at = week - timedelta(days=3)
        RecommendationEvent.objects.create(
            id=uuid4(), type="shown", kind="for_you", product_id=shop.apple.pk, channel_id=shop.channel.pk,
            profile=CustomerProfile.objects.latest("pk"), occurred_at=changed_at,
        )  # fmt: skip
        found = json.loads(self.run("default-channel", "--json"))
        assert found["comparison"]["since"] == changed_at.isoformat()
        since = changed_at.isoformat()
        line = f"Compared since {since}, when the percentage was changed. Of the time before: --to {since}"
        assert line in self.run("default-channel").splitlines()

    def test_what_cannot_be_asked(self, shop):
        with pytest.raises(CommandError, match="no such channel"):
            self.run("nowhere")
        with pytest.raises(CommandError, match="400 days"):
            self.run("default-channel", "--from", "2001-01-01")
        with pytest.raises(CommandError, match="Enter a date"):
            self.run("default-channel", "--to", "tomorrow")
