"""A friend is brought: from the code to the reward, and back again. Exact numbers, and the audit after each step."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from functools import partial

import pytest
from django.db import IntegrityError, connection, connections, transaction
from saleor.account.models import User
from saleor.core.db.connection import allow_writer
from saleor.order.models import Order

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.ingestion.reconcile import reconcile
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.referrals import settle
from saleor_crm_plugin.ingestion.settings import load_settings
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.audit import findings
from saleor_crm_plugin.loyalty.ledger import SYSTEM
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.referrals.applying import MAX_ATTEMPTS
from saleor_crm_plugin.loyalty.referrals.models import Referral, ReferralCode
from saleor_crm_plugin.loyalty.rules.definition import Effect, Limits, ReferralSide, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule, delete_rule, update_rule
from saleor_crm_plugin.loyalty.rules.models import EarningRule, EarningRuleUse, RuleStatus
from tests.devshop.factories import make_address, make_channel, make_customer, make_order, make_product
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_ledger_audit import tamper
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

BEFORE = datetime(2026, 5, 1, tzinfo=UTC)
APPLIED = datetime(2026, 5, 13, 8, tzinfo=UTC)
BOUGHT = datetime(2026, 5, 14, 8, tzinfo=UTC)
WINDOW = timedelta(days=14)
DUE = BOUGHT + WINDOW


@pytest.fixture(autouse=True)
def channel():
    channel = make_channel()
    terms(channel)
    return channel


def terms(channel, **changes) -> None:
    loyalty_settings(channel, **{"points_per_unit": "1", "earn_from": "2026-01-01", "pending_days": "14", **changes})


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


def buy(user: User, price: int = 60, at: datetime = BOUGHT, **fields) -> Order:
    product = make_product(price=price)
    # Each of their own, so that they are no household.
    fields.setdefault("billing_address", make_address(last_name=user.email, street_address_1=user.email))
    order = make_order(user, lines=[(product, 1)], created_at=at, **fields)
    sync(order)
    return order


def sync(*orders: Order) -> None:
    result = sync_orders([order.pk for order in orders])
    assert not result.failed
    assert_ledger_adds_up()


def cancel(order: Order) -> None:
    order.status = "canceled"
    order.save()
    sync(order)


def refund(order: Order, amount: int) -> None:
    payment = order.payments.get()
    payment.captured_amount -= amount
    payment.save()
    payment.transactions.create(
        kind="refund", is_success=True, amount=amount, currency=order.currency, gateway_response={}
    )
    order.total_charged_amount = payment.captured_amount
    order.save()
    sync(order)


def run(now: datetime = DUE) -> int:
    settled = settle(load_settings(), now)
    assert_ledger_adds_up()
    return settled


def gifts(user: User) -> list[int]:
    """Entries other than those of orders."""
    rows = PointsTransaction.objects.filter(account__profile__user=user, order_id__isnull=True).order_by("pk")
    return list(rows.values_list("points", flat=True))


def state(referral: Referral) -> tuple[str, str]:
    referral.refresh_from_db()
    return referral.status, referral.refusal


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(LoyaltyInputError) as error:
        call()
    return error.value.code


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

    def test_nor_one_over_nothing(self, fred, applied):
        buy(fred, price=0)
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
        payment = order.payments.get()
        payment.captured_amount = 60
        payment.save()
        payment.transactions.create(
            kind="refund_reversed", is_success=True, amount=60, currency=order.currency, gateway_response={}
        )
        Order.objects.update(total_charged_amount=60)
        sync(order)
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
        terms(channel, points_per_unit="", earn_from="2027-01-01", award_imported_orders=False)
        delete_rule(rules[0].pk)
        sync(order)
        terms(channel)
        assert (run(), gifts(rita)) == (0, [500])

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


class TestRefusals:
    def attempts(self) -> list[tuple[str, str]]:
        return list(Referral.objects.order_by("pk").values_list("status", "refusal"))

    def test_ones_own_code(self, rita):
        assert refused(lambda: apply_code(rita, create_code(rita).code, APPLIED)) == "SELF_REFERRAL"
        assert self.attempts() == [("refused", "self_referral")]

    @pytest.mark.parametrize("email", ["Rita+friend@example.com", "r.i.t.a@Example.com", "RITA@example.com "])
    def test_a_second_account_of_the_same_mailbox(self, rita, email):
        other = make_customer(email)
        assert refused(lambda: apply_code(other, create_code(rita).code, APPLIED)) == "SELF_REFERRAL"

    def test_a_customer(self, rita, fred):
        buy(fred)
        assert refused(lambda: apply_code(fred, create_code(rita).code, APPLIED)) == "ALREADY_CUSTOMER"
        assert self.attempts() == [("refused", "already_customer")]

    @pytest.mark.parametrize("email", ["fred@example.com", "Fred@Example.com"])
    def test_a_customer_who_has_bought_as_a_guest(self, rita, fred, email):
        order = make_order(email=email, lines=[(make_product(), 1)], created_at=BEFORE)
        sync(order)
        assert refused(lambda: apply_code(fred, create_code(rita).code, APPLIED)) == "ALREADY_CUSTOMER"

    def test_who_has_cancelled_has_bought_nothing(self, rita, fred):
        cancel(buy(fred, at=BEFORE))
        assert apply_code(fred, create_code(rita).code, APPLIED).status == "applied"

    def test_a_second_time(self, rita, fred, applied):
        other = create_code(make_customer()).code
        for code in (applied.code.code, other):
            assert refused(lambda code=code: apply_code(fred, code, APPLIED)) == "ALREADY_REFERRED"
        buy(fred)
        run()
        assert refused(lambda: apply_code(fred, other, DUE)) == "ALREADY_REFERRED"

    @pytest.mark.parametrize("code", ["", "nonsense", "ABCDEFGHJK", "x" * 10_000, "ABCDE\x00FGHJ", "ÄBCDEFGHJK"])
    def test_a_code_that_there_is_not(self, fred, code):
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "NOT_FOUND"
        assert self.attempts() == [("refused", "not_found")]

    def test_the_code_of_somebody_who_is_gone(self, rita, fred):
        code = create_code(rita).code
        LoyaltyAccount.objects.update(closed_at=APPLIED)
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "NOT_FOUND"
        LoyaltyAccount.objects.update(closed_at=None)
        rita.delete()
        reconcile(full=True)
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "NOT_FOUND"

    def test_what_was_refused_hinders_nothing(self, rita, fred):
        assert refused(lambda: apply_code(fred, "nonsense", APPLIED)) == "NOT_FOUND"
        assert apply_code(fred, create_code(rita).code, APPLIED).status == "applied"

    def test_guessing_comes_to_an_end(self, rita, fred):
        code = create_code(rita).code
        for _ in range(MAX_ATTEMPTS):
            assert refused(lambda: apply_code(fred, "nonsense", APPLIED)) == "NOT_FOUND"
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "TOO_MANY_ATTEMPTS"
        assert len(self.attempts()) == MAX_ATTEMPTS
        assert apply_code(fred, code, APPLIED + timedelta(hours=1)).status == "applied"

    @pytest.mark.parametrize("where", ["order", "default", "billing"])
    def test_the_same_household(self, rita, fred, where):
        home = {"last_name": "Miller", "street_address_1": "12 Oak Lane", "postal_code": "12345"}
        spelled = {"last_name": "MILLER", "street_address_1": "12, oak lane", "postal_code": "123 45"}
        if where == "order":
            buy(rita, at=BEFORE, shipping_address=make_address(**home))
        else:
            rita.addresses.add(make_address(**home))
        referral = apply_code(fred, create_code(rita).code, APPLIED)
        side = "billing_address" if where == "billing" else "shipping_address"
        buy(fred, **{side: make_address(**spelled)})
        assert state(referral) == ("refused", "same_household")
        assert referral.order_id is None
        assert (run(), gifts(rita)) == (0, [])

    @pytest.mark.parametrize(
        "changed",
        [
            {"last_name": "Smith"},
            {"street_address_1": "14 Oak Lane"},
            {"street_address_2": "Flat 7"},
            {"postal_code": "54321"},
            {"country": "CA"},
        ],
    )
    def test_another_household(self, rita, fred, changed):
        home = {"last_name": "Miller", "street_address_1": "12 Oak Lane", "postal_code": "12345"}
        rita.addresses.add(make_address(**home))
        referral = apply_code(fred, create_code(rita).code, APPLIED)
        buy(fred, shipping_address=make_address(**home | changed))
        assert state(referral) == ("qualified", "")

    def test_an_older_order_that_turns_up_later(self, rita, fred, applied):
        buy(fred)
        buy(fred, at=BEFORE)
        assert state(applied) == ("refused", "already_customer")
        assert (run(), gifts(rita)) == (0, [])

    def test_while_no_rule_rewards_it(self, rita, fred, rules):
        code = create_code(rita).code
        for each in rules:
            update_rule(each.pk, SYSTEM, change=lambda before: replace(before, ends_at=APPLIED))
        assert refused(lambda: apply_code(fred, code, APPLIED)) == "LOYALTY_DISABLED"
        assert refused(lambda: create_code(fred, APPLIED)) == "LOYALTY_DISABLED"
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, ends_at=None))
        assert apply_code(fred, code, APPLIED).status == "applied"
        update_rule(rules[0].pk, SYSTEM, status=RuleStatus.OFF)
        assert refused(lambda: create_code(rita, APPLIED)) == "LOYALTY_DISABLED"
        assert not LoyaltyAccount.objects.exclude(profile__user__in=[rita, fred]).exists()


class TestCodes:
    def test_a_customer_has_one(self, rita):
        first, second = create_code(rita), create_code(rita)
        assert first == second
        assert len(first.code) == 10
        assert LoyaltyAccount.objects.get().profile.user_id == rita.pk

    @pytest.mark.parametrize(
        "spelling", [str.lower, lambda code: f" {code[:5]}-{code[5:]} ", lambda code: code.replace("0", "O")]
    )
    def test_its_spelling_does_not_matter(self, rita, fred, spelling):
        code = create_code(rita)
        ReferralCode.objects.update(code="A0B1C2D3E4")
        assert apply_code(fred, spelling("A0B1C2D3E4"), APPLIED).code_id == code.pk

    def test_it_is_stored_in_one_spelling(self, rita):
        create_code(rita)
        with pytest.raises(IntegrityError, match="crm_referral_code_is_upper_case"), transaction.atomic():
            ReferralCode.objects.update(code="abcdefghjk")

    def test_an_order_placed_while_the_code_is_applied_is_found(self, rita, fred, monkeypatch):
        from saleor_crm_plugin.ingestion import referral_codes

        code = create_code(rita).code
        apply = referral_codes.applying.apply_code

        def slowly(*args):
            make_order(fred, lines=[(make_product(), 1)], created_at=BOUGHT)
            return apply(*args)

        monkeypatch.setattr(referral_codes.applying, "apply_code", slowly)
        referral = apply_code(fred, code, APPLIED)
        assert state(referral) == ("qualified", "")


class TestConstraints:
    @pytest.mark.parametrize(
        ("changes", "name"),
        [
            ({"status": "refused"}, "crm_referral_refused_with_a_reason"),
            ({"refusal": "not_found"}, "crm_referral_refused_with_a_reason"),
            ({"code": None}, "crm_referral_refused_with_a_reason"),
            ({"status": "rewarded"}, "crm_referral_qualifies_with_an_order"),
        ],
    )
    def test_a_referral_says_what_it_is(self, applied, changes, name):
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Referral.objects.update(**changes)

    def test_there_is_one_for_each_friend(self, applied):
        applied.pk = None
        with pytest.raises(IntegrityError, match="crm_referral_one_per_friend"), transaction.atomic():
            applied.save(force_insert=True)


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


def at_once(*calls: Callable[[], object]) -> list[object]:
    outcomes: list[object] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def work(position: int) -> None:
        try:
            with allow_writer():
                connection.ensure_connection()
                start.wait(60)
                outcomes[position] = calls[position]()
        except Exception as error:
            outcomes[position] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(position,), daemon=True) for position in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return outcomes


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_a_friend_applies_twice_at_once(self, rita):
        for _ in range(5):
            friend, codes = make_customer(), [create_code(rita).code, create_code(make_customer()).code]
            outcomes = at_once(*(partial(apply_code, friend, code, APPLIED) for code in codes * 2))
            errors = [outcome.code for outcome in outcomes if isinstance(outcome, LoyaltyInputError)]
            assert errors == ["ALREADY_REFERRED"] * 3
            assert Referral.objects.filter(friend__profile__user=friend, status="applied").count() == 1

    def test_two_codes_asked_for_at_once_are_one(self, rita):
        outcomes = at_once(*[lambda: create_code(rita).code] * 4)
        assert outcomes == [ReferralCode.objects.get().code] * 4

    def test_two_workers_settle_while_orders_are_cancelled(self, rita, rules):
        update_rule(rules[0].pk, SYSTEM, change=lambda before: replace(before, limits=Limits(points_in_total=4_000)))
        EarningRule.objects.update(in_force_since=BEFORE)
        code = create_code(rita).code
        friends = [make_customer() for _ in range(10)]
        orders = []
        for friend in friends:
            apply_code(friend, code, APPLIED)
            orders.append(buy(friend))
        for order in orders[:5]:
            Order.objects.filter(pk=order.pk).update(status="canceled")

        def work() -> int:
            return settle(load_settings(), DUE)

        def look() -> None:
            sync_orders([order.pk for order in orders[:5]])

        outcomes = at_once(work, look, work, look, work)
        assert [outcome for outcome in outcomes if isinstance(outcome, Exception)] == []
        run()
        assert sum(gifts(rita)) == 2500
        assert [sum(gifts(friend)) for friend in friends] == [0] * 5 + [200] * 5
        assert set(Referral.objects.values_list("status", flat=True)) <= {"rewarded", "reversed", "applied"}
        assert run() == 0


def test_statements_do_not_grow_with_the_number_of_orders(rita, django_assert_num_queries):
    code = create_code(rita).code

    def orders(number: int) -> list[Order]:
        found = []
        for _ in range(number):
            friend = make_customer()
            apply_code(friend, code, APPLIED)
            found.append(make_order(friend, lines=[(make_product(), 1)], created_at=BOUGHT))
        return found

    few, many = orders(1), orders(6)
    with django_assert_num_queries(40) as counted:
        sync_orders([order.pk for order in few])
    with django_assert_num_queries(len(counted)):
        sync_orders([order.pk for order in many])
    assert set(Referral.objects.values_list("status", flat=True)) == {"qualified"}
