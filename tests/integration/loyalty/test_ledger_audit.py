"""`crm_ledger_audit` finds what somebody changed behind the ledger's back, and names the account."""

from __future__ import annotations

import io
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from saleor_crm_plugin.ingestion.audit import order_findings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from tests.concurrently import behind
from tests.devshop.factories import make_channel, make_customer, make_order, make_product, refund_order
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop():
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", earn_from="2026-01-01")
    tea = make_product(price=60, channel=channel)
    make_tiers(50, policy={"window": "lifetime"})
    orders = [make_order(make_customer(), lines=[(tea, 1)]) for _ in range(2)]
    sync_orders([order.pk for order in orders])
    return orders


@pytest.fixture
def account(shop) -> LoyaltyAccount:
    return LoyaltyAccount.objects.get(profile__user=shop[0].user)


def audit() -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("crm_ledger_audit", stdout=out, stderr=err)
    except CommandError as error:
        return str(error), err.getvalue()
    return "", out.getvalue()


def tamper(statement: str, *parameters: object) -> None:
    with connection.cursor() as cursor:
        # As the owner of the tables could.
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement, parameters)
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_an_honest_ledger_adds_up(shop):
    before = list(PointsTransaction.objects.values())
    failed, text = audit()
    assert (failed, text.splitlines()[-1]) == ("", "The ledger adds up.")
    assert list(PointsTransaction.objects.values()) == before


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE crm_loyalty_account SET active = active + 5 WHERE id = %s", "balance 65"),
        ("UPDATE crm_loyalty_account SET lifetime = 7 WHERE id = %s", "lifetime 7"),
        ("UPDATE crm_points_lot SET remaining = remaining - 5 WHERE account_id = %s", "has 55 of 60 points left"),
        ("UPDATE crm_points_transaction SET balance_after = 61 WHERE account_id = %s", "says 61 points after it"),
        ("UPDATE crm_points_transaction SET points = 61 WHERE account_id = %s", "gave 61 points, and its lot holds 60"),
        ("UPDATE crm_points_transaction SET points = -60 WHERE account_id = %s", "earned -60 points net"),
        ("DELETE FROM crm_points_lot WHERE account_id = %s", "its lot holds 0"),
        ("DELETE FROM crm_tier_membership WHERE account_id = %s", "is in tier none, and its history ends with tier"),
        ("DELETE FROM crm_tier_change WHERE account_id = %s", "and its history ends with tier none"),
    ],
)
def test_what_was_tampered_with_is_found(account, statement, what):
    tamper(statement, account.pk)
    failed, text = audit()
    assert failed.startswith("The ledger does not add up")
    assert f"account {account.pk}: " in text
    assert what in text
    # Nobody else is accused.
    assert {line.partition(":")[0] for line in text.splitlines()} == {f"account {account.pk}"}


def test_an_account_that_a_merge_has_left_behind_is_found(shop, account):
    other = LoyaltyAccount.objects.exclude(pk=account.pk).get()
    tamper("UPDATE crm_customer_profile SET merged_into_id = %s WHERE id = %s", other.profile_id, account.profile_id)
    assert f"account {account.pk}: account is open, but its customer" in audit()[1]


def test_an_order_that_the_ledger_does_not_follow_is_found(shop, account):
    order = shop[0]
    order.lines.update(total_price_gross_amount=90, total_price_net_amount=90)
    failed, text = audit()
    assert failed == "The ledger does not add up: 1 findings."
    assert f"account {account.pk}: order {order.pk} asks for an entry earn over 30 points" in text


@pytest.mark.django_db(transaction=True)
def test_what_a_sync_posts_while_its_order_is_compared_is_not_missing(shop):
    refund_order(shop[0])
    found = behind(partial(sync_orders, [shop[0].pk]), lambda: list(order_findings(int)))
    assert found == []
    assert list(PointsTransaction.objects.filter(order_id=shop[0].pk).values_list("points", flat=True)) == [60, -60]
