"""Orders become points, and refunds take them back: each case with the numbers a shopkeeper would expect."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D
from fractions import Fraction
from uuid import UUID, uuid4

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.config import AwardWhen, EarnedPointsPolicy, Expiry, LoyaltySettings, SpentPointsPolicy
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.awards import EarningLine, EarningOrder
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.merging import merge
from saleor_crm_plugin.loyalty.models import HoldStatus, LoyaltyAccount, PointsHold, PointsLot, PointsTransaction
from saleor_crm_plugin.loyalty.orders import OrderFacts, bring_in_line
from saleor_crm_plugin.loyalty.queries import OrderPoints, order_points
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.loyalty.separating import unmerge
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.integration.loyalty.audit import assert_ledger_adds_up

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
PLACED = NOW - timedelta(days=10)
LATER = NOW + timedelta(days=40)
TERMS = LoyaltySettings(points_per_unit=D(1), earn_from=NOW - timedelta(days=365), point_value=D("0.01"))


@pytest.fixture
def profile() -> int:
    return CustomerProfile.objects.create().pk


def facts(profile_id: int | None, total: str = "100", refunded: str = "0", **changes: object) -> OrderFacts:
    values: dict[str, object] = {
        "order_id": uuid4(),
        "profile_id": profile_id,
        "is_purchase": True,
        "is_closed": False,
        "is_imported": False,
        "placed_at": PLACED,
        "paid_at": PLACED,
        "fulfilled_at": None,
        "channel_id": 1,
        "settings": TERMS,
    }
    order = EarningOrder(
        lines=[EarningLine(key="1", name="", gross=D(total), net=D(total))],
        shipping_gross=D(0),
        shipping_net=D(0),
        total_gross=D(total),
        refunded_gross=D(refunded),
    )
    return OrderFacts(**{**values, "earning": order, **changes})


def sync(*orders: OrderFacts, now: datetime = NOW) -> int:
    posted = bring_in_line(orders, default_program_id(), now, "default")
    assert_ledger_adds_up()
    return posted


def entries(order_id: UUID | None = None) -> list[tuple[str, int, int]]:
    rows = PointsTransaction.objects.order_by("pk")
    if order_id:
        rows = rows.filter(order_id=order_id)
    return list(rows.values_list("type", "points", "balance_after"))


def account() -> LoyaltyAccount:
    return LoyaltyAccount.objects.get()


def hold(account_id: int, points: int, code: str = "LP-1") -> PointsHold:
    with Ledger([account_id]) as ledger:
        ledger.wallets[account_id].hold(points)
    return PointsHold.objects.create(
        account_id=account_id,
        checkout_token=uuid4(),
        requested=points,
        points=points,
        amount=D(points) / 100,
        currency="USD",
        code=code,
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )


def test_a_paid_order_earns_once_however_often_it_is_synced(profile):
    order = facts(profile)
    assert sync(order) == 1
    assert sync(order) == 0
    assert entries() == [("earn", 100, 100)]
    assert (account().active, account().lifetime) == (100, 100)


@pytest.mark.parametrize(
    "changes",
    [
        {"paid_at": None},
        {"is_purchase": False},
        {"is_imported": True},
        {"placed_at": NOW - timedelta(days=366)},
        {"settings": LoyaltySettings()},
        {"settings": LoyaltySettings(points_per_unit=D(1))},
    ],
    ids=["unpaid", "cancelled", "imported", "before earn_from", "channel without loyalty", "no earn_from"],
)
def test_what_earns_nothing_opens_no_account(profile, changes):
    assert sync(facts(profile, **changes)) == 0
    assert not LoyaltyAccount.objects.exists()


def test_an_order_that_earns_does_not_make_the_customers_other_orders_earn(profile):
    before = facts(profile, placed_at=NOW - timedelta(days=366))
    imported = facts(profile, is_imported=True)
    unpaid = facts(profile, paid_at=None)
    good = facts(profile, "70")
    assert sync(before, imported, unpaid, good) == 1
    assert sync(before, imported, unpaid, good) == 0
    assert entries() == [("earn", 70, 70)]


def test_partial_refunds_take_the_same_as_one_refund_of_their_sum(profile):
    order = facts(profile, "99.99")
    sync(order)
    for refunded in ("10.01", "33.34", "66.67"):
        sync(facts(profile, "99.99", refunded, order_id=order.order_id))
    once = facts(profile, "99.99", "66.67")
    sync(once)
    assert order_points([order.order_id], "default")[order.order_id] == OrderPoints(earned=33, reversed=66)
    assert order_points([once.order_id], "default")[once.order_id] == OrderPoints(earned=33, reversed=66)
    assert entries(once.order_id)[0][:2] == ("earn", 99)


def test_cancelling_takes_all_and_a_later_change_of_the_rate_changes_nothing(profile):
    order = facts(profile)
    sync(order)
    dearer = LoyaltySettings(points_per_unit=D(5), earn_from=TERMS.earn_from)
    assert sync(facts(profile, order_id=order.order_id, settings=dearer)) == 0
    sync(facts(profile, "100", "50", order_id=order.order_id, settings=dearer))
    assert account().active == 50
    sync(facts(profile, order_id=order.order_id, settings=dearer, is_purchase=False, is_closed=True))
    assert entries() == [("earn", 100, 100), ("earn_reversal", -50, 50), ("earn_reversal", -50, 0)]


def test_pending_points_wait_and_then_expire(profile):
    waiting = LoyaltySettings(
        points_per_unit=D(1), earn_from=TERMS.earn_from, pending_days=14, expiry=Expiry("months", 12)
    )
    sync(facts(profile, settings=waiting))
    lot = PointsLot.objects.get()
    assert (account().active, account().pending, lot.status) == (0, 100, "pending")
    assert lot.available_at == PLACED + timedelta(days=14)
    assert lot.expires_at == (PLACED + timedelta(days=14)).replace(year=2027)


@pytest.mark.parametrize(("sent", "paid"), [("2025-12-20", "2026-01-10"), ("2026-01-10", "2025-12-20")])
def test_an_order_awarded_when_it_is_fulfilled_counts_once_it_is_sent_and_paid(profile, sent, paid):
    settings = replace(TERMS, award_when=AwardWhen.FULFILLED, pending_days=14, expiry=Expiry("end_of_year"))
    sent_at, paid_at, later = (datetime.fromisoformat(day).replace(tzinfo=UTC) for day in (sent, paid, max(sent, paid)))
    order = facts(profile, placed_at=min(sent_at, paid_at), fulfilled_at=sent_at, paid_at=paid_at, settings=settings)
    assert sync(replace(order, fulfilled_at=None), now=later) == 0
    sync(order, now=later)
    lot = PointsLot.objects.get()
    assert (lot.status, lot.available_at, lot.expires_at) == (
        "pending",
        datetime(2026, 1, 24, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    )
    assert PointsTransaction.objects.get().earned_at == later


@pytest.mark.parametrize(
    ("policy", "balance", "deficit", "kinds"),
    [
        (EarnedPointsPolicy.REVERSE_INTO_DEFICIT, -60, 60, ["earn", "redeem", "earn_reversal"]),
        (EarnedPointsPolicy.REVERSE_WITHIN_BALANCE, 0, 0, ["earn", "redeem", "earn_reversal", "waiver"]),
        (EarnedPointsPolicy.REVERSE_PENDING_ONLY, 40, 0, ["earn", "redeem", "earn_reversal", "waiver"]),
    ],
)
def test_points_already_spent_follow_the_channels_policy(profile, policy, balance, deficit, kinds):
    settings = LoyaltySettings(points_per_unit=D(1), earn_from=TERMS.earn_from, earned_points_policy=policy)
    order = facts(profile, settings=settings)
    sync(order)
    reservation = hold(account().pk, 60)
    sync(facts(profile, carried={"LP-1": None}, settings=LoyaltySettings()))
    cancelled = facts(profile, order_id=order.order_id, settings=settings, is_purchase=False, is_closed=True)
    sync(cancelled)
    assert sync(cancelled) == 0
    reservation.refresh_from_db()
    assert reservation.status == HoldStatus.COMMITTED
    assert [kind for kind, _, _ in entries()] == kinds
    assert (account().balance, account().deficit) == (balance, deficit)


def test_a_deficit_is_paid_by_the_next_award(profile):
    settings = LoyaltySettings(
        points_per_unit=D(1),
        earn_from=TERMS.earn_from,
        earned_points_policy=EarnedPointsPolicy.REVERSE_INTO_DEFICIT,
    )
    order = facts(profile, settings=settings)
    sync(order)
    hold(account().pk, 60)
    sync(facts(profile, carried={"LP-1": None}, settings=LoyaltySettings()))
    sync(facts(profile, order_id=order.order_id, settings=settings, is_purchase=False))
    sync(facts(profile, "100", settings=settings))
    assert (account().active, account().deficit) == (40, 0)


@pytest.mark.parametrize(
    ("policy", "changes", "refunded", "returned"),
    [
        (SpentPointsPolicy.RETURN, {}, "40", 0),
        (SpentPointsPolicy.RETURN, {}, "80", 60),
        (SpentPointsPolicy.RETURN, {"is_purchase": False, "is_closed": True}, "0", 60),
        (SpentPointsPolicy.KEEP, {"is_purchase": False, "is_closed": True}, "80", 0),
        (SpentPointsPolicy.IN_PROPORTION, {}, "40", 30),
        (SpentPointsPolicy.IN_PROPORTION, {"is_purchase": False, "is_closed": True}, "0", 60),
    ],
)
def test_spent_points_come_back_as_the_channel_says(profile, policy, changes, refunded, returned):
    sync(facts(profile))
    hold(account().pk, 60)
    settings = LoyaltySettings(spent_points_policy=policy)
    spent = facts(profile, "80", carried={"LP-1": None}, settings=settings)
    sync(spent)
    before = list(PointsLot.objects.values_list("pk", "expires_at"))
    again = facts(
        profile, "80", refunded, order_id=spent.order_id, carried={"LP-1": None}, settings=settings, **changes
    )
    sync(again)
    assert sync(again) == 0
    assert order_points([spent.order_id], "default")[spent.order_id].redeemed == 60 - returned
    assert account().active == 40 + returned
    # The very lots are back, not new ones.
    assert list(PointsLot.objects.values_list("pk", "expires_at")) == before


@pytest.fixture
def given_back(profile) -> PointsHold:
    """50 points of a checkout whose time has run out, of 50 that the customer has."""
    sync(facts(profile, "50"))
    reservation = hold(account().pk, 50)
    with Ledger([account().pk]) as ledger:
        ledger.wallets[account().pk].release(50)
    PointsHold.objects.update(status=HoldStatus.RELEASED)
    return reservation


def test_an_order_with_a_discount_by_the_code_debits_even_after_the_hold_ran_out(profile, given_back):
    sync(facts(profile, carried={"LP-1": given_back.amount}, settings=LoyaltySettings()))
    given_back.refresh_from_db()
    assert (given_back.status, account().active, account().held) == (HoldStatus.COMMITTED, 0, 0)


def test_an_order_with_nothing_but_the_code_of_points_given_back_debits_nothing(profile, given_back):
    sync(facts(profile, carried={"LP-1": None}, settings=LoyaltySettings()))
    given_back.refresh_from_db()
    assert (given_back.status, account().active, account().held) == (HoldStatus.RELEASED, 50, 0)


def test_an_order_that_spends_points_before_it_is_paid_earns_once_it_is(profile):
    sync(facts(profile, "50"))
    hold(account().pk, 20)
    unpaid = facts(profile, carried={"LP-1": None}, paid_at=None)
    sync(unpaid)
    assert account().active == 30
    sync(facts(profile, carried={"LP-1": None}, order_id=unpaid.order_id))
    assert account().active == 130


@pytest.mark.parametrize(
    ("voucher_amount", "spent"), [(None, 60), ("0.60", 60), ("9", 60), ("0.401", 41), ("0.40", 40), ("0", 0)]
)
def test_a_checkout_that_shrank_spends_only_the_points_it_needed(profile, voucher_amount, spent):
    sync(facts(profile))
    hold(account().pk, 60)
    amount = None if voucher_amount is None else D(voucher_amount)
    sync(facts(profile, carried={"LP-1": amount}, settings=LoyaltySettings()))
    assert (account().active, account().held) == (100 - spent, 0)


def test_an_award_follows_its_order_to_another_customer_on_its_old_terms(profile):
    order = facts(profile)
    sync(order)
    other = CustomerProfile.objects.create().pk
    sync(facts(other, order_id=order.order_id, settings=LoyaltySettings()))
    balances = dict(LoyaltyAccount.objects.values_list("profile_id", "active"))
    assert balances == {profile: 0, other: 100}


def test_an_order_of_nobody_earns_nothing(profile):
    assert sync(facts(None)) == 0


def test_statements_do_not_grow_with_the_number_of_orders(profile, django_assert_num_queries):
    program_id = default_program_id()
    profiles = [CustomerProfile.objects.create().pk for _ in range(40)]
    few, many = [facts(pk) for pk in profiles[:2]], [facts(pk) for pk in profiles[2:]]
    with django_assert_num_queries(8):
        bring_in_line(few, program_id, NOW, "default")
    with django_assert_num_queries(8):
        bring_in_line(many, program_id, NOW, "default")
    assert_ledger_adds_up()


def test_statements_do_not_grow_with_the_number_of_orders_that_points_paid(profile, django_assert_num_queries):
    program_id = default_program_id()
    sync(facts(profile, "1000"))
    for number in range(4):
        hold(account().pk, 100, f"LP-{number}")
    one, *three = [facts(profile, carried={f"LP-{number}": D(1)}) for number in range(4)]
    with django_assert_num_queries(9):
        bring_in_line([one], program_id, NOW, "default")
    with django_assert_num_queries(9):
        bring_in_line(three, program_id, NOW, "default")
    assert set(PointsHold.objects.values_list("status", "order_id")) == {
        ("committed", order.order_id) for order in (one, *three)
    }
    # Once they are committed, nothing of them is written.
    for orders in ([one], three):
        with django_assert_num_queries(6):
            assert bring_in_line(orders, program_id, NOW, "default") == 0
    assert_ledger_adds_up()


def test_what_a_checkout_holds_pays_for_a_refund_as_soon_as_it_is_free(profile):
    order = facts(profile)
    sync(order)
    hold(account().pk, 100)
    sync(facts(profile, "100", "100", order_id=order.order_id))
    assert (account().active, account().held, account().deficit, account().balance) == (100, 100, 100, 0)
    with Ledger([account().pk], lots_of=[]) as ledger:
        ledger.release(account().pk, 100)
    PointsHold.objects.update(status=HoldStatus.RELEASED)
    assert (account().active, account().held, account().deficit) == (0, 0, 0)
    assert [kind for kind, *_ in entries()] == ["earn", "earn_reversal"]
    assert_ledger_adds_up()


def test_a_refund_lets_go_only_of_what_is_neither_there_nor_held(profile):
    order = facts(profile)
    sync(order)
    hold(account().pk, 70)
    sync(facts(profile, carried={"LP-1": None}, settings=LoyaltySettings()))
    hold(account().pk, 20, "LP-2")
    sync(facts(profile, "100", "100", order_id=order.order_id))
    # 10 were free, 20 are owed until the checkout gives them up, 70 are let go.
    assert (account().active, account().deficit) == (20, 20)
    assert entries()[-2:] == [("earn_reversal", -100, -70), ("waiver", 70, 0)]


def test_points_that_have_expired_are_not_taken_again(profile):
    settings = replace(TERMS, expiry=Expiry("months", 1), earned_points_policy=EarnedPointsPolicy.REVERSE_INTO_DEFICIT)
    order = facts(profile, settings=settings)
    sync(order, now=PLACED)
    expire_due_lots(LATER)
    other = facts(profile, "50", paid_at=LATER)
    sync(other, now=LATER)
    assert account().active == 50
    sync(facts(profile, "100", "30", order_id=order.order_id, settings=settings), now=LATER)
    sync(facts(profile, "100", "100", order_id=order.order_id, settings=settings), now=LATER)
    assert (account().active, account().deficit) == (50, 0)
    assert entries(order.order_id) == [
        ("earn", 100, 100),
        ("earn_reversal", -30, 20),
        ("waiver", 30, 50),
        ("earn_reversal", -70, -20),
        ("waiver", 70, 50),
    ]


def test_of_an_award_that_expired_in_part_the_rest_is_taken(profile):
    settings = replace(TERMS, expiry=Expiry("months", 1), earned_points_policy=EarnedPointsPolicy.REVERSE_INTO_DEFICIT)
    order = facts(profile, settings=settings)
    sync(order, now=PLACED)
    hold(account().pk, 60)
    sync(facts(profile, carried={"LP-1": None}, settings=LoyaltySettings()), now=PLACED)
    expire_due_lots(LATER)
    assert account().active == 0
    sync(facts(profile, "100", "100", order_id=order.order_id, settings=settings), now=LATER)
    # 40 expired, 60 were spent.
    assert (account().active, account().deficit) == (0, 60)


def test_a_new_policy_changes_no_order_of_before(profile):
    sync(facts(profile))
    hold(account().pk, 60)
    spent = facts(profile, "80", carried={"LP-1": None}, settings=LoyaltySettings())
    sync(spent)
    cancelled = {"order_id": spent.order_id, "carried": {"LP-1": None}, "is_purchase": False, "is_closed": True}
    keep = LoyaltySettings(spent_points_policy=SpentPointsPolicy.KEEP)
    # The policy of when they were spent holds, whenever the order is cancelled.
    assert sync(facts(profile, "80", settings=keep, **cancelled)) == 1
    assert account().active == 100
    assert sync(facts(profile, "80", settings=keep, **cancelled)) == 0


def test_points_spent_follow_an_order_that_staff_edit(profile):
    sync(facts(profile))
    hold(account().pk, 60)
    settings = LoyaltySettings()
    order = facts(profile, "80", carried={"LP-1": D("0.60")}, settings=settings)
    sync(order)
    assert account().active == 40
    edited = {"order_id": order.order_id, "settings": settings}
    assert sync(facts(profile, "20", carried={"LP-1": D("0.20")}, **edited)) == 1
    assert account().active == 80
    assert PointsTransaction.objects.latest("pk").reason == "Order changed"
    assert sync(facts(profile, "50", carried={"LP-1": D("0.50")}, **edited)) == 1
    assert account().active == 50
    # What cannot be seen any more has not changed.
    assert sync(facts(profile, "50", carried={"LP-1": None}, **edited)) == 0
    sync(facts(profile, "50", carried={"LP-1": D("0.50")}, is_purchase=False, is_closed=True, **edited))
    assert account().active == 100


@pytest.mark.parametrize("policy", [SpentPointsPolicy.RETURN, SpentPointsPolicy.IN_PROPORTION])
def test_points_that_paid_for_everything_come_back_with_the_goods(profile, policy):
    sync(facts(profile))
    hold(account().pk, 60)
    settings = LoyaltySettings(spent_points_policy=policy)

    def paid_by_points(taken_back: int) -> EarningOrder:
        line = EarningLine(key="1", name="", gross=D(0), net=D(0), base=D("0.60"), taken_back=Fraction(taken_back))
        return EarningOrder(lines=[line], shipping_gross=D(0), shipping_net=D(0), total_gross=D(0), refunded_gross=D(0))

    order = facts(profile, carried={"LP-1": D("0.60")}, settings=settings, earning=paid_by_points(0))
    sync(order)
    assert account().active == 40
    back = {"order_id": order.order_id, "carried": {"LP-1": D("0.60")}, "settings": settings}
    sync(facts(profile, earning=paid_by_points(1), **back))
    assert account().active == 100


@pytest.mark.parametrize(
    ("policy", "money", "returned"),
    [
        (SpentPointsPolicy.RETURN, "5", 0),
        (SpentPointsPolicy.IN_PROPORTION, "0.25", 475),
        # The money has paid for them.
        (SpentPointsPolicy.IN_PROPORTION, "5", 0),
    ],
)
def test_a_jacket_that_points_paid_is_kept_when_the_socks_come_back(profile, policy, money, returned):
    """9,500 points pay 95 of a jacket for 95 and socks for 5; the socks come back, and some money with them."""
    sync(facts(profile, "9500"))
    hold(account().pk, 9500)

    def basket(socks_back: int) -> EarningOrder:
        jacket = EarningLine(key="1", name="", gross=D("4.75"), net=D("4.75"), base=D(95))
        socks = EarningLine(
            key="2", name="", gross=D("0.25"), net=D("0.25"), base=D(5), taken_back=Fraction(socks_back)
        )
        return EarningOrder([jacket, socks], D(0), D(0), total_gross=D(5), refunded_gross=D(money) * socks_back)

    settings = LoyaltySettings(spent_points_policy=policy)
    order = facts(profile, carried={"LP-1": D(95)}, settings=settings, earning=basket(0))
    sync(order)
    assert account().active == 0
    sync(replace(order, earning=basket(1)))
    assert account().active == returned


PENDING_ONLY = replace(TERMS, earned_points_policy=EarnedPointsPolicy.REVERSE_PENDING_ONLY)
INTO_DEFICIT = replace(TERMS, earned_points_policy=EarnedPointsPolicy.REVERSE_INTO_DEFICIT)


def spend(profile_id: int, points: int, code: str = "LP-1") -> None:
    """On an order that earns nothing."""
    hold(LoyaltyAccount.objects.get(profile_id=profile_id).pk, points, code)
    sync(facts(profile_id, carried={code: None}, settings=LoyaltySettings()))


def refunded(order: OrderFacts, amount: str) -> OrderFacts:
    return replace(order, earning=replace(order.earning, refunded_gross=D(amount)))


class TestAnOrderThatQualifiesAgain:
    """A fulfillment with a wrong tracking number, a refund that bounced, a dispute that was won."""

    @pytest.mark.parametrize("cycles", [1, 3])
    @pytest.mark.parametrize(("spent", "left"), [(100, 0), (60, 40), (0, 100)])
    def test_gives_what_is_left_of_it(self, profile, spent, left, cycles):
        order = facts(profile)
        sync(order)
        if spent:
            spend(profile, spent)
        for _ in range(cycles):
            sync(replace(order, paid_at=None))
            assert (account().active, account().deficit) == (0, 0)
            sync(order)
            assert sync(order) == 0
            assert (account().active, account().deficit, account().lifetime) == (left, 0, 100)
        assert order_points([order.order_id], "default")[order.order_id].earned == 100

    def test_says_so(self, profile):
        order = facts(profile)
        sync(order)
        spend(profile, 60)
        sync(replace(order, paid_at=None))
        sync(order)
        assert entries(order.order_id) == [
            ("earn", 100, 100),
            ("earn_reversal", -100, -60),
            ("waiver", 60, 0),
            ("earn", 100, 100),
            ("waiver", -60, 40),
        ]
        given, kept = PointsTransaction.objects.order_by("pk")[4:]
        assert (kept.reason, kept.reverses) == ("Kept before; not given again", given)

    @pytest.mark.parametrize("cycles", [1, 3])
    def test_leaves_active_points_as_they_were(self, profile, cycles):
        order = facts(profile, settings=PENDING_ONLY)
        sync(order)
        lot = PointsLot.objects.get()
        for _ in range(cycles):
            sync(replace(order, paid_at=None))
            sync(order)
            assert (account().active, account().deficit) == (100, 0)
        assert list(PointsLot.objects.filter(remaining__gt=0)) == [lot]

    def test_gives_it_in_parts(self, profile):
        order = facts(profile)
        sync(order)
        spend(profile, 60)
        found = []
        for back in ("100", "70", "30", "50", "0", "100", "0"):
            sync(refunded(order, back))
            assert account().deficit == 0
            found.append(account().active)
        # As many as if it had only ever been refunded as far, but for what was forgiven.
        assert found == [0, 0, 10, 0, 40, 0, 40]

    def test_waits_once_more_with_what_is_left_of_it(self, profile):
        settings = replace(TERMS, pending_days=14, expiry=Expiry("months", 12))
        order = facts(profile, settings=settings)
        later = PLACED + timedelta(days=20)
        sync(order, now=PLACED)
        activate_due_lots(later)
        spend(profile, 60)
        sync(replace(order, paid_at=None), now=later)
        sync(replace(order, paid_at=later), now=later)
        assert (account().active, account().pending, account().deficit) == (0, 40, 0)

    def test_pays_what_is_owed_for_something_else_first(self, profile):
        order, other = facts(profile), facts(profile, settings=INTO_DEFICIT)
        sync(order, other)
        spend(profile, 200)
        sync(replace(order, paid_at=None))
        sync(replace(other, is_purchase=False, is_closed=True))
        assert (account().active, account().deficit) == (0, 100)
        sync(order)
        assert (account().active, account().deficit) == (0, 100)
        sync(other)
        assert (account().active, account().deficit) == (0, 0)

    @pytest.mark.parametrize("first", EarnedPointsPolicy)
    @pytest.mark.parametrize("then", EarnedPointsPolicy)
    def test_depends_on_no_policy(self, profile, first, then):
        order = facts(profile)
        sync(order)
        spend(profile, 60)
        for policy in (first, then, first):
            settings = replace(TERMS, earned_points_policy=policy)
            sync(replace(order, paid_at=None, settings=settings))
            sync(replace(order, settings=settings))
            assert (account().active, account().deficit) == (40, 0)

    def test_gives_what_was_added_to_it(self, profile):
        order = facts(profile)
        sync(order)
        spend(profile, 100)
        sync(replace(order, paid_at=None))
        sync(facts(profile, "150", order_id=order.order_id))
        assert account().active == 50

    def test_of_a_customer_whose_account_was_merged_since(self, profile):
        order = facts(profile)
        sync(order)
        spend(profile, 60)
        source = account().pk
        head = CustomerProfile.objects.create().pk
        target = accounts.ensure(default_program_id(), [head], "default")[head]
        done = merge(source, target, SYSTEM, NOW, undo_until=LATER)
        for _ in range(2):
            sync(replace(order, profile_id=head, paid_at=None))
            assert LoyaltyAccount.objects.get(pk=target).balance == 0
            sync(replace(order, profile_id=head))
            assert LoyaltyAccount.objects.get(pk=target).active == 40
        unmerge(done.pk, SYSTEM, NOW)
        assert sync(order) == 0
        assert LoyaltyAccount.objects.get(pk=source).active == 40
        sync(replace(order, paid_at=None))
        sync(order)
        assert LoyaltyAccount.objects.get(pk=source).active == 40


class TestAnOrderThatPassesToAnotherCustomer:
    """Who deletes the account and registers again with the same address is another customer, too."""

    @pytest.fixture
    def other(self) -> int:
        return CustomerProfile.objects.create().pk

    def balances(self) -> dict[int, tuple[int, int]]:
        rows = LoyaltyAccount.objects.values_list("profile_id", "active", "deficit")
        return {profile_id: (active, deficit) for profile_id, active, deficit in rows}

    @pytest.mark.parametrize("settings", [TERMS, PENDING_ONLY, INTO_DEFICIT], ids=lambda s: s.earned_points_policy)
    def test_takes_along_what_is_left(self, profile, other, settings):
        order = facts(profile, settings=settings)
        sync(order)
        spend(profile, 60)
        order = replace(order, profile_id=other)
        sync(order)
        assert self.balances() == {profile: (0, 0), other: (40, 0)}
        assert sync(order) == 0
        assert order_points([order.order_id], "default")[order.order_id].earned == 40
        # More was spent than half of it, and those points are active.
        after_refund = 40 if settings is PENDING_ONLY else 0
        sync(refunded(order, "50"))
        assert self.balances()[other] == (after_refund, 0)
        sync(order)
        assert self.balances()[other] == (40, 0)
        sync(refunded(order, "100"))
        assert sync(refunded(order, "100")) == 0
        assert self.balances() == {profile: (0, 0), other: (after_refund, 0)}

    @pytest.mark.parametrize("settings", [TERMS, PENDING_ONLY, INTO_DEFICIT], ids=lambda s: s.earned_points_policy)
    def test_takes_all_along_where_nothing_was_spent(self, profile, other, settings):
        order = facts(profile, settings=settings)
        sync(order)
        sync(replace(order, profile_id=other))
        assert self.balances() == {profile: (0, 0), other: (100, 0)}

    def test_and_back_again(self, profile, other):
        order = facts(profile)
        sync(order)
        spend(profile, 60)
        sync(replace(order, profile_id=other))
        spend(other, 30, "LP-2")
        sync(order)
        assert self.balances() == {profile: (10, 0), other: (0, 0)}
        sync(replace(order, profile_id=other))
        assert self.balances() == {profile: (0, 0), other: (10, 0)}

    def test_over_nobody(self, profile, other):
        order = facts(profile)
        sync(order)
        spend(profile, 60)
        sync(replace(order, profile_id=None))
        assert self.balances() == {profile: (0, 0)}
        sync(replace(order, profile_id=other))
        assert self.balances() == {profile: (0, 0), other: (40, 0)}

    def test_leaves_behind_what_has_expired(self, profile, other):
        settings = replace(TERMS, expiry=Expiry("months", 1))
        order = facts(profile, settings=settings)
        sync(order, now=PLACED)
        expire_due_lots(LATER)
        sync(replace(order, profile_id=other), now=LATER)
        assert self.balances() == {profile: (0, 0), other: (0, 0)}

    def test_is_that_of_one_person_once_the_two_are_merged(self, profile, other):
        order = facts(profile)
        sync(order)
        spend(profile, 60)
        order = replace(order, profile_id=other)
        sync(order)
        account_of = accounts.find(default_program_id(), [profile, other], "default")
        merge(account_of[profile], account_of[other], SYSTEM, NOW)
        assert sync(order) == 0
        sync(refunded(order, "100"))
        sync(order)
        assert self.balances()[other] == (40, 0)


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_points_forgiven_because_they_were_spent_do_not_come_back(profile, cancelled_first):
    order, other = facts(profile), facts(profile, "50", placed_at=PLACED + timedelta(days=1))
    sync(order, other)
    hold(account().pk, 120)
    buy = facts(profile, carried={"LP-1": None}, settings=LoyaltySettings())
    sync(buy)
    refunded, cancelled = (replace(each, is_purchase=False, is_closed=True) for each in (order, buy))
    for each in (cancelled, refunded) if cancelled_first else (refunded, cancelled):
        assert sync(each) > 0
        assert sync(each) == 0
    assert account().balance == 50
    # It is worth its points again if it counts again.
    sync(order)
    assert account().balance == 150
    sync(refunded)
    assert account().balance == 50


def cancelled(order: OrderFacts) -> OrderFacts:
    return replace(order, is_purchase=False, is_closed=True)


def test_an_order_is_forgiven_nothing_that_it_gives_back_itself(profile):
    """A second order is paid with what the first has earned, and a third with what the second has."""
    sync(facts(profile))
    hold(account().pk, 100)
    buy = facts(profile, "99", carried={"LP-1": None}, placed_at=PLACED + timedelta(days=1))
    sync(buy)
    spend(profile, 99, "LP-2")
    assert account().balance == 0
    sync(cancelled(buy))
    assert sync(cancelled(buy)) == 0
    assert entries(buy.order_id) == [
        ("redeem", -100, 0),
        ("earn", 99, 99),
        ("redeem_reversal", 100, 100),
        ("earn_reversal", -99, 1),
    ]
    # It is paid with points, and earns, once more.
    sync(buy)
    assert sync(buy) == 0
    assert (account().balance, account().deficit) == (0, 0)
    sync(cancelled(buy))
    assert account().balance == 1


def test_so_it_is_with_what_an_earlier_refund_of_it_was_forgiven(profile):
    """All at once or in two steps: the points that paid for it come back, and pay for those that it has earned."""
    sync(facts(profile))
    hold(account().pk, 100)
    buy = facts(profile, carried={"LP-1": None}, placed_at=PLACED + timedelta(days=1))
    sync(buy)
    spend(profile, 100, "LP-2")
    half = refunded(buy, "40")
    sync(half)
    assert account().balance == 0
    for _ in range(2):
        sync(cancelled(half))
        assert sync(cancelled(half)) == 0
        assert (account().balance, account().deficit) == (0, 0)
        sync(buy)
        assert sync(buy) == 0
        assert (account().balance, account().deficit) == (0, 0)


@pytest.mark.parametrize("buy_first", [True, False])
def test_of_orders_that_all_come_to_nothing_no_points_are_left(profile, buy_first):
    order = facts(profile)
    sync(order)
    hold(account().pk, 100)
    buy = facts(profile, "50", carried={"LP-1": None}, placed_at=PLACED + timedelta(days=1))
    sync(buy)
    for each in (buy, order) if buy_first else (order, buy):
        assert sync(cancelled(each)) > 0
        assert sync(cancelled(each)) == 0
    assert (account().balance, account().deficit) == (0, 0)


def test_of_points_forgiven_as_many_go_as_come_back(profile):
    order = facts(profile)
    sync(order)
    hold(account().pk, 100)
    in_proportion = replace(TERMS, spent_points_policy=SpentPointsPolicy.IN_PROPORTION, points_per_unit=D(0))
    buy = facts(profile, carried={"LP-1": None}, settings=in_proportion)
    sync(buy)
    sync(replace(order, earning=facts(profile, refunded="50").earning))
    assert account().balance == 0
    sync(replace(buy, earning=facts(profile, refunded="30").earning))
    assert account().balance == 0
    sync(replace(buy, earning=facts(profile, refunded="60").earning))
    assert account().balance == 10
    # What is forgiven no more is given again.
    sync(order)
    assert account().balance == 60


def test_what_is_forgiven_whether_spent_or_not_comes_back(profile):
    order = facts(profile, settings=replace(TERMS, earned_points_policy=EarnedPointsPolicy.REVERSE_PENDING_ONLY))
    sync(order)
    hold(account().pk, 100)
    buy = facts(profile, carried={"LP-1": None}, settings=LoyaltySettings())
    sync(buy)
    sync(replace(order, is_purchase=False, is_closed=True))
    sync(replace(buy, is_purchase=False, is_closed=True))
    assert account().balance == 100


def test_points_spent_after_others_were_forgiven_come_back(profile):
    order = facts(profile)
    sync(order)
    first, second = hold(account().pk, 50), hold(account().pk, 50, "LP-2")
    sync(facts(profile, carried={first.code: None}, settings=LoyaltySettings()))
    # What a checkout holds is owed, and paid by what is earned next.
    sync(replace(order, is_purchase=False, is_closed=True))
    sync(facts(profile, "50"))
    assert (account().balance, account().deficit) == (50, 0)
    buy = facts(profile, carried={second.code: None}, settings=LoyaltySettings())
    sync(buy)
    sync(replace(buy, is_purchase=False, is_closed=True))
    assert account().balance == 50


@pytest.mark.parametrize("separated", [True, False])
def test_points_forgiven_before_a_merge_do_not_come_back(profile, separated):
    sync(order := facts(profile))
    guest = account()
    sync(facts(CustomerProfile.objects.create().pk, "10"))
    user = LoyaltyAccount.objects.exclude(pk=guest.pk).get()
    merged = merge(guest.pk, user.pk, SYSTEM, NOW, undo_until=LATER)
    hold(user.pk, 110)
    buy = facts(user.profile_id, carried={"LP-1": None}, settings=LoyaltySettings())
    sync(buy)
    sync(replace(order, is_purchase=False, is_closed=True))
    sync(replace(buy, is_purchase=False, is_closed=True))
    user.refresh_from_db()
    assert user.balance == 10
    if separated:
        unmerge(merged.pk, SYSTEM, NOW)
    sync(order)
    balances = LoyaltyAccount.objects.order_by("pk").values_list("active", flat=True)
    assert list(balances) == ([100, 10] if separated else [0, 110])


@pytest.mark.parametrize(("days", "status"), [(14, "cancelled"), (0, "active")])
def test_a_lot_is_called_what_became_of_it_however_often_its_order_is_synced(profile, days, status):
    """Taken back while it was pending, or spent before its time was over: neither has expired."""
    settings = replace(TERMS, pending_days=days, expiry=Expiry("months", 1))
    order = facts(profile, settings=settings)
    sync(order)
    if days:
        order = replace(order, earning=replace(order.earning, refunded_gross=D(100)))
    else:
        hold(account().pk, 100)
        sync(facts(profile, "0", carried={"LP-1": None}))
    sync(order)
    assert (PointsLot.objects.get().status, PointsLot.objects.get().remaining) == (status, 0)
    for now in (NOW, LATER):
        assert sync(order, now=now) == 0
        assert PointsLot.objects.get().status == status
