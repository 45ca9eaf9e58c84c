"""An order that is undone takes its rewards back, once, and another one may take its place."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from saleor.order.models import Order
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion import referrals
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import HoldForm, LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.referrals.queries import points_given
from saleor_crm_plugin.loyalty.rules.definition import Limits
from saleor_crm_plugin.loyalty.rules.editing import delete_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRuleUse
from tests.devshop.factories import make_customer
from tests.integration.loyalty.referrals.shop import (
    APPLIED,
    BOUGHT,
    DUE,
    WINDOW,
    buy,
    buy_with_points,
    cancel,
    gifts,
    refund,
    run,
    state,
    sync,
    terms,
)

pytestmark = pytest.mark.django_db


def bounce(order: Order) -> None:
    """The refund of all of it comes back."""
    payment = order.payments.get()
    payment.captured_amount = 60
    payment.save()
    payment.transactions.create(
        kind="refund_reversed", is_success=True, amount=60, currency=order.currency, gateway_response={}
    )
    Order.objects.update(total_charged_amount=60)
    sync(order)


class TestTakingBack:
    def test_a_cancelled_order_gives_no_reward(self, rita, fred, applied):
        cancel(buy(fred))
        assert state(applied) == ("applied", "")
        assert (run(), gifts(rita)) == (0, [])

    def test_the_next_order_counts_then(self, rita, fred, applied):
        first = buy(fred)
        second = buy(fred, at=BOUGHT + timedelta(days=2))
        cancel(first)
        applied.refresh_from_db()
        assert (applied.status, applied.order_id, applied.reward_at) == (
            "qualified",
            second.pk,
            DUE + timedelta(days=2),
        )
        assert run() == 0
        run(DUE + timedelta(days=2))
        assert gifts(rita) == [500]

    def test_cancelled_after_the_reward_it_is_taken_back_from_both(self, rita, fred, applied):
        order = buy(fred)
        run()
        cancel(order)
        assert (run(), run()) == (1, 0)
        assert (gifts(rita), gifts(fred)) == ([500, -500], [200, -200])
        assert state(applied) == ("reversed", "")
        reversal = PointsTransaction.objects.filter(points=-500).get()
        assert (reversal.type, reversal.reverses.points) == ("earn_reversal", 500)
        assert LoyaltyAccount.objects.get(profile__user=rita).lifetime == 0
        assert set(EarningRuleUse.objects.filter(occasion=f"referral:{applied.pk}").values_list("points")) == {(0,)}

    def test_a_part_refunded_keeps_it_and_the_whole_takes_it(self, rita, fred, applied):
        order = buy(fred)
        run()
        refund(order, 59)
        assert (run(), gifts(rita)) == (0, [500])
        refund(order, 1)
        assert (run(), gifts(rita)) == (1, [500, -500])

    def test_all_goods_back_take_it_though_the_shipping_is_kept(self, rita, fred, applied):
        order = buy(fred, shipping_price=10)
        run()
        refund(order, 60)
        assert (run(), gifts(rita)) == (0, [500])
        order.fulfillments.create(status="returned").lines.create(order_line=order.lines.get(), quantity=1)
        sync(order)
        assert (run(), gifts(rita), gifts(fred)) == (1, [500, -500], [200, -200])

    def test_all_goods_back_take_it_though_a_gift_card_is_kept(self, rita, fred, applied):
        order = buy(fred, gift_card=5)
        run()
        refund(order, 60)
        assert (run(), gifts(rita)) == (0, [500])
        goods = order.lines.get(is_gift_card=False)
        order.fulfillments.create(status="returned").lines.create(order_line=goods, quantity=1)
        sync(order)
        assert (run(), gifts(rita), gifts(fred)) == (1, [500, -500], [200, -200])

    def test_a_gift_card_that_was_rewarded_once_keeps_it(self, rita, fred, applied):
        """As long as it is kept."""
        order = buy(fred)
        run()
        order.lines.update(is_gift_card=True)
        sync(order)
        assert (run(), gifts(rita)) == (0, [500])

    def test_goods_that_points_paid_beside_a_gift_card_keep_it_if_they_were_rewarded_once(
        self, rita, fred, applied, channel, monkeypatch
    ):
        """As they were before the goods alone had to be bought."""
        terms(channel, points_earn=True)
        with monkeypatch.context() as before:
            before.setattr(referrals, "_is_bought", lambda *_: True)
            order = buy_with_points(fred, 6000, HoldForm.GIFT_CARD, gift_card=5)
            assert (run(), gifts(rita)) == (1, [500])
        sync(order)
        assert (run(), gifts(rita)) == (0, [500])

    def test_a_refund_before_the_reward_is_no_reward(self, rita, fred, applied):
        refund(buy(fred), 60)
        assert state(applied) == ("applied", "")
        assert (run(), gifts(rita)) == (0, [])

    def test_a_charge_back_takes_it(self, rita, fred, applied):
        order = buy(fred)
        run()
        order.payments.update(captured_amount=0)
        Order.objects.update(total_charged_amount=0)
        sync(order)
        run()
        assert gifts(rita) == [500, -500]

    def test_a_refund_that_bounces_gives_it_again(self, rita, fred, applied):
        order = buy(fred)
        run()
        refund(order, 60)
        run()
        bounce(order)
        run()
        assert (gifts(rita), gifts(fred)) == ([500, -500, 500], [200, -200, 200])
        refund(order, 60)
        run()
        assert gifts(rita) == [500, -500, 500, -500]

    def test_a_refund_that_bounces_before_it_was_looked_at_changes_nothing(self, rita, fred, applied):
        order = buy(fred)
        run()
        Order.objects.update(status="canceled")
        sync(order)
        Order.objects.update(status="unfulfilled")
        sync(order)
        assert (run(), gifts(rita), state(applied)[0]) == (0, [500], "rewarded")

    def test_settings_and_rules_changed_since_take_nothing_back(self, channel, rita, fred, applied, rules):
        order = buy(fred)
        run()
        terms(channel, points_per_unit="", earn_from="2027-01-01", award_imported_orders=False, award_when="fulfilled")
        delete_rule(rules[0].pk)
        sync(order)
        terms(channel)
        assert (run(), gifts(rita)) == (0, [500])

    @pytest.mark.parametrize("change", [{"points_per_unit": "", "earn_from": ""}, {"active": False}])
    def test_it_is_taken_back_while_nothing_is_earned(self, channel, rita, fred, applied, change):
        order = buy(fred)
        run()
        terms(channel, **change)
        cancel(order)
        assert (run(), run()) == (1, 0)
        assert (gifts(rita), gifts(fred), state(applied)) == ([500, -500], [200, -200], ("reversed", ""))

    def test_also_once_the_channel_is_gone(self, channel, rita, fred, applied):
        order = buy(fred)
        run()
        cancel(order)
        PluginConfiguration.objects.all().delete()
        assert (run(), gifts(rita), gifts(fred)) == (1, [500, -500], [200, -200])

    def test_while_nothing_is_earned_another_order_that_takes_its_place_waits(self, channel, rita, fred, applied):
        first = buy(fred)
        buy(fred, at=BOUGHT + timedelta(days=2))
        run()
        cancel(first)
        terms(channel, points_per_unit="")
        later = DUE + timedelta(days=2)
        assert (run(later), run(later)) == (1, 0)
        assert (gifts(rita), state(applied)) == ([500, -500], ("qualified", ""))
        terms(channel)
        assert (run(later), gifts(rita)) == (1, [500, -500, 500])

    def test_an_order_that_is_given_to_somebody_else_takes_it(self, rita, fred, applied):
        order = buy(fred)
        run()
        Order.objects.filter(pk=order.pk).update(user=make_customer())
        sync(order)
        run()
        assert gifts(rita) == [500, -500]

    def test_after_a_cancellation_another_order_earns_it_once_more(self, rita, fred, applied):
        order = buy(fred)
        run()
        cancel(order)
        run()
        buy(fred, at=DUE)
        run(DUE + WINDOW)
        assert gifts(rita) == [500, -500, 500]

    def test_after_the_reward_an_order_that_was_there_already_takes_its_place(self, rita, fred, applied):
        first = buy(fred)
        second = buy(fred, at=BOUGHT + timedelta(days=2))
        run()
        cancel(first)
        assert state(applied) == ("undone", "")
        assert applied.order_id == second.pk
        run()
        assert (gifts(rita), state(applied)) == ([500, -500], ("qualified", ""))
        assert run() == 0
        run(DUE + timedelta(days=2))
        assert (gifts(rita), state(applied)) == ([500, -500, 500], ("rewarded", ""))

    @pytest.mark.parametrize(
        ("policy", "entries", "deficit", "active"),
        [
            ("within balance", [500, -300, -500, 300], 0, 0),
            ("into deficit", [500, -300, -500], 300, 0),
            ("pending only", [500, -300, -500, 500], 0, 200),
        ],
    )
    def test_what_is_spent_already_goes_by_the_channels_policy(
        self, channel, rita, fred, applied, policy, entries, deficit, active
    ):
        terms(channel, earned_points_policy=policy)
        order = buy(fred)
        run()
        account = LoyaltyAccount.objects.get(profile__user=rita)
        adjust(account.pk, -300, "Spent", SYSTEM, "spent")
        cancel(order)
        run()
        account.refresh_from_db()
        assert (gifts(rita), account.deficit, account.active) == (entries, deficit, active)

    @pytest.mark.parametrize("cycles", [1, 3])
    @pytest.mark.parametrize("policy", ["within balance", "into deficit", "pending only"])
    def test_a_refund_that_bounces_gives_nothing_that_was_kept(self, channel, rita, fred, applied, policy, cycles):
        terms(channel, earned_points_policy=policy)
        order = buy(fred)
        run()
        account = LoyaltyAccount.objects.get(profile__user=rita)
        adjust(account.pk, -300, "Spent", SYSTEM, "spent")
        for _ in range(cycles):
            refund(order, 60)
            run()
            bounce(order)
            assert (run(), run()) == (1, 0)
            account.refresh_from_db()
            assert (account.active, account.deficit, account.lifetime) == (200, 0, 500)
            assert state(applied) == ("rewarded", "")

    def test_nor_does_another_order_that_takes_its_place(self, rita, fred, applied):
        first = buy(fred)
        run()
        account = LoyaltyAccount.objects.get(profile__user=rita)
        adjust(account.pk, -300, "Spent", SYSTEM, "spent")
        cancel(first)
        run()
        buy(fred, at=DUE)
        run(DUE + WINDOW)
        assert gifts(rita) == [500, -300, -500, 300, 500, -300]
        account.refresh_from_db()
        assert (account.active, account.deficit) == (200, 0)

    def test_a_freed_use_can_be_used_again(self, rita, fred, applied, rules):
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, limits=Limits(uses_per_customer=1)))
        order = buy(fred)
        run()
        cancel(order)
        run()
        other = make_customer()
        apply_code(other, create_code(rita).code, APPLIED)
        buy(other)
        run()
        assert gifts(rita) == [500, -500, 500]

    @pytest.mark.parametrize(
        ("limits", "spent", "entries"),
        [
            (Limits(uses_per_customer=1), 500, [500, -500, -500, 500]),
            (Limits(uses_per_customer=1), 1, [500, -1, -500, 1]),
            (Limits(points_per_customer=500), 300, [500, -300, -500, 300, 200]),
            (Limits(points_in_total=500), 300, [500, -300, -500, 300, 200]),
        ],
    )
    def test_a_use_is_free_as_far_as_its_points_came_back(self, rita, fred, applied, rules, limits, spent, entries):
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, limits=limits))
        order = buy(fred)
        run()
        account = LoyaltyAccount.objects.get(profile__user=rita)
        adjust(account.pk, -spent, "Spent", SYSTEM, "spent")
        cancel(order)
        run()
        key = applied.pk, account.pk
        assert points_given([key], "default") == {key: spent}
        other = make_customer()
        apply_code(other, create_code(rita).code, APPLIED)
        buy(other)
        run()
        assert gifts(rita) == entries
        assert gifts(other) == [200]

    def test_a_rule_that_gives_nothing_any_more_has_given_nothing(self, rita, fred, applied, rules):
        order = buy(fred)
        run()
        adjust(LoyaltyAccount.objects.get(profile__user=rita).pk, -300, "Spent", SYSTEM, "spent")
        refund(order, 60)
        run()
        delete_rule(rules[0].pk)
        bounce(order)
        run()
        assert (gifts(rita), state(applied)) == ([500, -300, -500, 300], ("rewarded", ""))
        assert EarningRuleUse.objects.get(rule=rules[0].pk).points == 0
