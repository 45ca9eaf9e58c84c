"""Two workers review the same accounts at once, on real PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.tier_facts import net_spend, review_tiers
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.merging import merge_profiles
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.tiers.models import TierChange, TierMembership
from saleor_crm_plugin.loyalty.tiers.review import review
from saleor_crm_plugin.loyalty.tiers.scheme import load_default_scheme
from saleor_crm_plugin.profiles.identity import UserPerson, resolve_profiles
from tests.concurrently import at_once, behind, no_errors
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db(transaction=True)

CUSTOMERS = 10
WORKERS = 4
START = datetime(2026, 3, 1, tzinfo=UTC)


def test_each_change_is_made_once():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    tea = make_product("Tea", price=100, channel=channel, stock=None)
    orders = [make_order(make_customer(), lines=[(tea, 1)], created_at=START).pk for _ in range(CUSTOMERS)]
    sync_orders(orders, now=START)
    make_tiers(100, policy={"window_days": 10}, entry_points=5)
    review_at_once(START + timedelta(days=1))
    assert TierMembership.objects.count() == TierChange.objects.count() == CUSTOMERS
    assert PointsTransaction.objects.filter(type=TransactionType.TIER_GIFT).count() == CUSTOMERS
    review_at_once(START + timedelta(days=10))
    assert (TierMembership.objects.count(), TierChange.objects.count()) == (0, 2 * CUSTOMERS)
    assert_ledger_adds_up()


def review_at_once(now: datetime) -> None:
    no_errors(at_once([partial(review_tiers, now)] * WORKERS))


def test_of_two_who_are_being_merged_the_one_who_reaches_the_others_tier_gets_no_second_points():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    make_tiers(100, policy={"window_days": 10}, entry_points=5)
    ann, ben = make_customer(), make_customer()
    tea = make_product("Tea", price=100, channel=channel, stock=None)
    sync_orders([make_order(ben, lines=[(tea, 1)], created_at=START).pk], now=START)
    profile_of = {person.user_id: pk for person, pk in resolve_profiles(map(UserPerson, (ann.pk, ben.pk))).items()}
    account_id = ensure(default_program_id(), [profile_of[ann.pk]], "default")[profile_of[ann.pk]]
    merged = {profile_of[ben.pk]: profile_of[ann.pk]}
    # By staff: a guest who turns out to be a user brings the tier along.
    merge = partial(merge_profiles, merged, START, "default", undo_until=START + timedelta(days=30))
    scheme = load_default_scheme("default")
    assert behind(merge, partial(review, [account_id], scheme, net_spend, START + timedelta(days=1), "default")) == 1
    assert TierMembership.objects.get(account=account_id).tier.name == "Bronze"
    assert PointsTransaction.objects.filter(type=TransactionType.TIER_GIFT).count() == 1
    assert LoyaltyAccount.objects.get(pk=account_id).active == 105
    assert_ledger_adds_up()
