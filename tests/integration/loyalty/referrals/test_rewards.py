"""Both are rewarded when the return window of the first order is over. Exact numbers, and the audit after each step."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from saleor.giftcard.models import GiftCard
from saleor.order.models import Order

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import LedgerError
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.audit import findings
from saleor_crm_plugin.loyalty.models import HoldForm, LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.referrals import settling
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.loyalty.rules.definition import Conditions, Limits
from saleor_crm_plugin.loyalty.rules.editing import delete_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from tests.devshop.factories import make_channel, make_customer, make_order, make_product
from tests.integration.loyalty.referrals.shop import (
    APPLIED,
    BOUGHT,
    DUE,
    buy,
    buy_with_gift_card,
    buy_with_points,
    call_back,
    cancel,
    gifts,
    run,
    send,
    state,
    sync,
    terms,
)
from tests.integration.loyalty.test_ledger_audit import tamper

pytestmark = pytest.mark.django_db

VIP = frozenset({"vip"})


class TestRewards:
    def test_both_are_rewarded_when_the_return_window_is_over(self, rita, fred, applied):
        assert state(applied) == ("applied", "")
        order = buy(fred)
        assert state(applied) == ("qualified", "")
        assert (applied.order_id, applied.reward_at) == (order.pk, DUE)
        assert run(DUE - timedelta(seconds=1)) == 0
        assert (gifts(rita), gifts(fred)) == ([], [])
        assert run() == 1
        assert run() == 0
        assert (gifts(rita), gifts(fred)) == ([500], [200])
        assert state(applied) == ("rewarded", "")
        entry = PointsTransaction.objects.get(account__profile__user=rita)
        assert (entry.type, entry.reason, entry.order_id) == ("referral", "For the referrer", None)
        account = entry.account
        assert (account.active, account.pending, account.lifetime) == (500, 0, 500)

    def test_seeing_the_order_again_changes_nothing(self, fred, applied):
        order = buy(fred)
        run()
        before = list(PointsTransaction.objects.values()), list(Referral.objects.values())
        sync(order)
        reconcile(full=True)
        assert run() == 0
        assert (list(PointsTransaction.objects.values()), list(Referral.objects.values())) == before

    def test_a_later_order_does_not_matter(self, rita, fred, applied):
        first, second = buy(fred), buy(fred, at=BOUGHT + timedelta(days=1))
        run()
        cancel(second)
        assert (run(), gifts(rita)) == (0, [500])
        assert applied.order_id is None
        applied.refresh_from_db()
        assert applied.order_id == first.pk

    def test_whichever_order_is_seen_first_the_first_counts(self, fred, applied):
        orders = [make_order(fred, lines=[(make_product(), 1)], created_at=BOUGHT + timedelta(days=n)) for n in (0, 1)]
        sync(orders[1])
        applied.refresh_from_db()
        assert applied.order_id == orders[0].pk
        sync(orders[0])
        applied.refresh_from_db()
        assert (applied.order_id, applied.reward_at) == (orders[0].pk, DUE)

    def test_one_that_cannot_be_settled_holds_up_no_other(self, rita, fred, applied, monkeypatch, caplog):
        greta = make_customer("greta@example.com")
        apply_code(greta, create_code(rita).code, APPLIED)
        for friend in (fred, greta):
            buy(friend)
        real = settling.give

        def contradicted(ledger, occasions, using):
            if any(occasion.action.occasion == settling.occasion_of(applied.pk) for occasion in occasions):
                raise LedgerError("The lots do not add up.")
            return real(ledger, occasions, using)

        with monkeypatch.context() as patch:
            patch.setattr(settling, "give", contradicted)
            assert run() == 1
        assert f"Referral {applied.pk} cannot be settled" in caplog.text
        assert (state(applied), gifts(rita), gifts(greta)) == (("qualified", ""), [500], [200])
        assert run() == 1
        assert (state(applied), gifts(rita), gifts(fred)) == (("rewarded", ""), [500, 500], [200])

    def test_an_order_that_is_not_paid_does_not_qualify(self, fred, applied):
        buy(fred, paid=False)
        assert state(applied) == ("applied", "")

    @pytest.mark.parametrize(
        "settings", [{"points_per_unit": ""}, {"earn_from": "2026-05-15"}, {"award_when": "fulfilled"}]
    )
    def test_nor_one_that_earns_nothing_for_itself(self, channel, fred, applied, settings):
        terms(channel, **settings)
        buy(fred)
        assert state(applied) == ("applied", "")

    @pytest.mark.parametrize(
        ("settings", "becomes"), [({"sale_items_earn": False}, "applied"), ({"sale_items_earn": True}, "qualified")]
    )
    def test_nor_one_of_goods_on_sale_where_these_earn_nothing(self, channel, fred, applied, settings, becomes):
        terms(channel, **settings)
        buy(fred, every_line={"sale_id": "UHJvbW90aW9uOjE="})
        assert state(applied) == (becomes, "")

    def test_nor_one_of_gift_cards_alone(self, channel, fred, applied):
        terms(channel, include_shipping=True)
        buy(fred, every_line={"is_gift_card": True}, shipping_price=5)
        assert state(applied) == ("applied", "")

    @pytest.mark.parametrize(
        ("balance", "earns", "becomes"), [(60, False, "applied"), (59, False, "qualified"), (60, True, "qualified")]
    )
    def test_nor_one_that_own_gift_cards_paid_where_these_earn_nothing(
        self, channel, fred, applied, balance, earns, becomes
    ):
        terms(channel, gift_cards_earn=earns)
        buy_with_gift_card(fred, balance)
        assert state(applied) == (becomes, "")

    @pytest.mark.parametrize(
        "settings",
        [
            {"earn_from": (BOUGHT + timedelta(days=1)).isoformat()},
            {"award_when": "fulfilled"},
            {"pending_days": "30"},
        ],
    )
    def test_one_that_qualified_keeps_its_date_whatever_is_set_meanwhile(self, channel, rita, fred, applied, settings):
        order = buy(fred)
        # A pause of points, and what is set once they are on again.
        for changes in ({"points_per_unit": ""}, settings):
            terms(channel, **changes)
            sync(order)
            assert (state(applied), applied.reward_at) == (("qualified", ""), DUE)
        assert (run(), gifts(rita), gifts(fred)) == (1, [500], [200])

    def test_one_that_stops_qualifying_meanwhile_qualifies_by_what_is_set_then(self, channel, fred, applied):
        order = buy(fred)
        status = order.status
        terms(channel, pending_days="30")
        cancel(order)
        assert (state(applied), applied.reward_at) == (("applied", ""), None)
        order.status = status
        order.save()
        sync(order)
        assert (state(applied), applied.reward_at) == (("qualified", ""), BOUGHT + timedelta(days=30))

    @pytest.mark.parametrize("points_per_unit", ["1", "0.01"])
    def test_one_that_is_not_sent_any_more_waits_for_the_real_shipment(
        self, channel, rita, fred, applied, points_per_unit
    ):
        """Also where the order itself is too small for a point."""
        terms(channel, award_when="fulfilled", points_per_unit=points_per_unit)
        order = buy(fred)
        wrong = send(order, BOUGHT)
        assert (state(applied), applied.reward_at) == (("qualified", ""), DUE)
        call_back(order, wrong)
        assert (state(applied), applied.reward_at) == (("applied", ""), None)
        assert (run(), gifts(rita), gifts(fred)) == (0, [], [])
        send(order, BOUGHT + timedelta(days=13))
        assert (state(applied), applied.reward_at) == (("qualified", ""), DUE + timedelta(days=13))
        assert (run(), run(DUE + timedelta(days=13))) == (0, 1)
        assert (gifts(rita), gifts(fred)) == ([500], [200])

    def test_what_it_waits_for_is_what_its_own_points_wait_for(self, channel, fred, applied):
        terms(channel, award_when="fulfilled")
        order = buy(fred)
        wrong = send(order, BOUGHT)
        terms(channel, award_when="paid")
        sync(order)
        assert (state(applied), applied.reward_at) == (("qualified", ""), DUE)
        call_back(order, wrong)
        assert state(applied) == ("applied", "")
        assert [entry.points for entry in PointsTransaction.objects.order_by("pk")] == [60, -60]

    def test_nor_one_over_nothing(self, fred, applied):
        buy(fred, price=0)
        assert state(applied) == ("applied", "")

    @pytest.mark.parametrize("form", HoldForm.values)
    @pytest.mark.parametrize(("points", "becomes"), [(6000, "applied"), (5900, "qualified")])
    def test_nor_one_that_points_alone_paid(self, fred, applied, form, points, becomes):
        buy_with_points(fred, points, form)
        assert state(applied) == (becomes, "")

    @pytest.mark.parametrize("points_earn", [False, True])
    @pytest.mark.parametrize(("points", "becomes"), [(6000, "applied"), (5900, "qualified")])
    def test_nor_one_where_money_paid_for_a_gift_card_only(self, channel, fred, applied, points_earn, points, becomes):
        terms(channel, points_earn=points_earn)
        buy_with_points(fred, points, HoldForm.GIFT_CARD, gift_card=10)
        assert state(applied) == (becomes, "")

    def test_nor_does_it_once_staff_have_deleted_the_card(self, fred, applied):
        order = buy_with_points(fred, 6000, HoldForm.GIFT_CARD)
        GiftCard.objects.all().delete()
        sync(order)
        assert state(applied) == ("applied", "")

    def test_nor_does_one_that_takes_the_place_of_another(self, fred, applied):
        first = buy(fred)
        buy_with_points(fred, 6000, HoldForm.GIFT_CARD, at=BOUGHT + timedelta(days=1))
        assert state(applied) == ("qualified", "")
        cancel(first)
        assert state(applied) == ("applied", "")

    def test_rules_that_say_no_side_are_for_both(self, rita, fred, applied, rules):
        delete_rule(rules[0].pk)
        update_rule(rules[1].pk, SYSTEM, change=lambda before: replace(before, referral_side=None))
        buy(fred)
        run()
        assert (gifts(rita), gifts(fred)) == ([200], [200])

    def test_a_rule_may_be_for_a_channel(self, rita, fred, applied, rules):
        tokyo = make_channel("tokyo", currency="JPY")
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, channel_ids=frozenset({tokyo.pk})))
        buy(fred)
        run()
        assert (gifts(rita), gifts(fred)) == ([], [200])

    def test_a_rule_may_be_for_a_customer_segment(self, rita, fred, applied, rules):
        CustomerSegment.objects.all().delete()
        segment = CustomerSegment.objects.create(name="Vip", slug="vip", query="tag = 'vip'")
        profile = CustomerProfile.objects.get(user=rita)
        SegmentMembership.objects.create(segment=segment, profile=profile, entered_at=BOUGHT)
        for each in rules:
            update_rule(each.pk, SYSTEM, change=lambda rule: replace(rule, conditions=Conditions(segments=VIP)))
        buy(fred)
        run()
        assert (gifts(rita), gifts(fred)) == ([500], [])

    def test_a_referrer_has_limits(self, rita, rules):
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, limits=Limits(uses_per_customer=2)))
        code = create_code(rita).code
        friends = [make_customer() for _ in range(3)]
        for friend in friends:
            apply_code(friend, code, APPLIED)
            buy(friend)
        run()
        assert gifts(rita) == [500, 500]
        assert [gifts(friend) for friend in friends] == [[200]] * 3

    def test_a_rule_from_after_the_order_gives_nothing(self, rita, fred, applied, rules):
        EarningRule.objects.filter(pk=rules[0].pk).update(in_force_since=BOUGHT + timedelta(seconds=1))
        buy(fred)
        run()
        assert (gifts(rita), gifts(fred), state(applied)[0]) == ([], [200], "rewarded")

    def test_a_closed_account_gets_nothing(self, rita, fred, applied):
        buy(fred)
        LoyaltyAccount.objects.filter(profile__user=rita).update(closed_at=BOUGHT)
        run()
        assert (gifts(rita), gifts(fred)) == ([], [200])

    def test_the_referrer_is_rewarded_when_the_friend_is_gone(self, rita, fred, applied):
        order = buy(fred)
        fred.delete()
        reconcile(full=True)
        sync(order)
        run()
        assert gifts(rita) == [500]
        assert PointsTransaction.objects.filter(type="referral").count() == 1


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE crm_earning_rule_use SET points = 499 WHERE account_id = %s AND points = 500", "recorded 499"),
        ("UPDATE crm_referral SET status = 'reversed' WHERE friend_id <> %s", "recorded 0"),
        ("DELETE FROM crm_earning_rule_use WHERE account_id = %s", "recorded 0"),
    ],
)
def test_the_audit_finds_what_was_tampered_with(rita, fred, applied, statement, found):
    buy(fred)
    run()
    account = LoyaltyAccount.objects.get(profile__user=rita)
    tamper(statement, account.pk)
    wrong = [finding for finding in findings("referrals") if finding.account_id == account.pk]
    assert [finding.what for finding in wrong] == [f"referral:{applied.pk} gave 500 points, and its rules {found}"]


def test_statements_do_not_grow_with_the_number_of_orders(rita, django_assert_num_queries):
    # Segments cost statements of their own; a test with real transactions takes the ready-made ones away.
    CustomerSegment.objects.all().delete()
    code = create_code(rita).code

    def orders(number: int) -> list[Order]:
        found = []
        for _ in range(number):
            friend = make_customer()
            apply_code(friend, code, APPLIED)
            found.append(make_order(friend, lines=[(make_product(), 1)], created_at=BOUGHT))
        return found

    few, many = orders(1), orders(6)
    with django_assert_num_queries(47) as counted:
        sync_orders([order.pk for order in few])
    with django_assert_num_queries(len(counted)):
        sync_orders([order.pk for order in many])
    assert set(Referral.objects.values_list("status", flat=True)) == {"qualified"}
