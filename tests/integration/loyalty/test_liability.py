"""The liability report: exact numbers at past moments, and sums that add up whatever happened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D
from fractions import Fraction
from io import StringIO
from itertools import pairwise
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F, Q, Sum
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.exceptions import AccountClosedError, InsufficientPointsError, LoyaltyInputError
from saleor_crm_plugin.ingestion.liability import LiabilityReport, Worth
from saleor_crm_plugin.loyalty import liability
from saleor_crm_plugin.loyalty.accounts import default_program_id, ensure
from saleor_crm_plugin.loyalty.ledger import Ledger
from saleor_crm_plugin.loyalty.liability import (
    BreakageStatus,
    Movement,
    Outstanding,
    breakage_before,
    movements_between,
    position_at,
    worths,
)
from saleor_crm_plugin.loyalty.merging import merge
from saleor_crm_plugin.loyalty.models import LotStatus, LoyaltyAccount, PointsLot, TransactionType
from saleor_crm_plugin.loyalty.posting import Source
from saleor_crm_plugin.loyalty.privacy import close_accounts
from saleor_crm_plugin.loyalty.schedule import activate_due_lots, expire_due_lots
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_channel
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.shop_settings import loyalty_settings

pytestmark = pytest.mark.django_db

USING = "default"


def day(month: int, of_month: int, year: int = 2026, **time: int) -> datetime:
    return datetime(year, month, of_month, **time, tzinfo=UTC)


def open_account() -> int:
    profile = CustomerProfile.objects.create()
    return ensure(default_program_id(), [profile.pk], USING)[profile.pk]


def source(**fields) -> Source:
    return Source(key=str(uuid4()), **fields)


def earn(account_id, points, at, *, expires_at=None, available_at=None, order_id=None) -> UUID:
    order_id = order_id or uuid4()
    with Ledger([account_id], now=at) as ledger:
        ledger.award(
            account_id,
            points,
            source(order_id=order_id),
            available_at=available_at or at,
            expires_at=expires_at,
        )
    return order_id


def redeem(account_id, points, at, order_id=None) -> None:
    with Ledger([account_id], now=at) as ledger:
        ledger.redeem(account_id, points, source(order_id=order_id))


def reverse(account_id, points, at, order_id) -> None:
    with Ledger([account_id], orders=[order_id], now=at) as ledger:
        ledger.reverse_award(account_id, points, source(order_id=order_id))


@pytest.fixture
def winter() -> tuple[int, int]:
    """January: Ann earns 1000 until December and 300 that wait until February 3, Ben 500 for good. February: Ann spends
    200 and Ben 450, and Ben's order is refunded."""
    ann, ben = open_account(), open_account()
    earn(ann, 1000, day(1, 10), expires_at=day(12, 31))
    of_ben = earn(ben, 500, day(1, 15))
    earn(ann, 300, day(1, 20), available_at=day(2, 3), expires_at=day(2, 3, 2027))
    activate_due_lots(day(2, 3))
    redeem(ann, 200, day(2, 10))
    redeem(ben, 450, day(2, 11))
    reverse(ben, 500, day(2, 12), of_ben)
    return ann, ben


def test_what_stood_at_the_end_of_each_month(winter):
    january = position_at(day(2, 1), USING)
    assert january.months == (
        Outstanding(date(2026, 12, 1), 1000, 0),
        Outstanding(date(2027, 2, 1), 0, 300),
        Outstanding(None, 500, 0),
    )
    assert (january.active, january.pending, january.deficit, january.balance) == (1500, 300, 0, 1800)
    february = position_at(day(3, 1), USING)
    assert february.months == (Outstanding(date(2026, 12, 1), 800, 0), Outstanding(date(2027, 2, 1), 300, 0))
    assert (february.active, february.deficit, february.deficit_accounts, february.balance) == (1100, 450, 1, 650)
    assert position_at(day(1, 10), USING) == liability.Position((), 0, 0)


def test_a_moment_belongs_to_what_comes_after_it(winter):
    assert position_at(day(1, 10), USING).active == 0
    assert position_at(day(1, 10) + timedelta(microseconds=1), USING).active == 1000


def test_what_moved_in_february_adds_up(winter):
    moved = movements_between(day(2, 1), day(3, 1), USING)
    assert (moved.opening, moved.closing) == (1800, 650)
    assert moved.movements == (
        Movement(TransactionType.EARN_REVERSAL, given=0, taken=500, entries=1),
        Movement(TransactionType.REDEEM, given=0, taken=650, entries=2),
    )
    assert movements_between(day(3, 1), day(4, 1), USING).movements == ()


def test_points_of_who_was_deleted_are_owed_to_nobody(winter):
    """Ann is deleted on request in March; Cleo, with 70 points, turns out to be Dan."""
    ann, _ = winter
    cleo, dan = open_account(), open_account()
    earn(cleo, 70, day(3, 2))
    merge(cleo, dan, SYSTEM, day(3, 10))
    person = LoyaltyAccount.objects.get(pk=ann).profile_id
    close_accounts([person], day(3, 15), USING)
    until_then = position_at(day(3, 15), USING)
    assert (until_then.active, until_then.closed) == (1170, 0)
    march = position_at(day(4, 1), USING)
    assert march.months == (Outstanding(None, 70, 0),)
    assert (march.active, march.closed, march.deficit, march.balance) == (70, 1100, 450, 720)
    loyalty_settings(make_channel("us", "USD"), point_value="0.01")
    report = LiabilityReport(as_of=day(4, 1), since=day(3, 1), now=day(6, 1), using=USING)
    assert report.total.worth == (Worth(D("0.70"), "USD"),)
    assert (report.movements.opening, report.movements.closing) == (650, 720)
    # What has a date goes with it.
    expire_due_lots(day(1, 1, 2027))
    assert position_at(day(1, 2, 2027), USING).closed == 300
    assert position_at(day(4, 1), USING) == march


def test_what_a_waiting_award_pays_of_a_deficit_counts_from_the_day_that_it_can_be_spent(winter):
    """Ben owes 450; 600 wait until March 20. No entry is posted then, and the job came by a day late."""
    _, ben = winter
    earn(ben, 600, day(3, 5), available_at=day(3, 20))
    activate_due_lots(day(3, 21))
    assert LoyaltyAccount.objects.get(pk=ben).active == 150
    for at, active, pending, deficit in (
        (day(3, 10), 1100, 600, 450),
        (day(3, 20), 1100, 600, 450),
        (day(3, 20, second=1), 1250, 0, 0),
        (day(4, 1), 1250, 0, 0),
    ):
        position = position_at(at, USING)
        assert (position.active, position.pending, position.deficit) == (active, pending, deficit)
        assert position.balance == 1250


def test_what_a_checkout_gives_up_pays_a_deficit_from_that_moment_on():
    """Ann has put all that she has on a checkout when her order is refunded; two days later she leaves the checkout."""
    ann = open_account()
    order_id = earn(ann, 100, day(1, 10))
    with Ledger([ann], now=day(1, 11)) as ledger:
        ledger.wallets[ann].hold(70)
    reverse(ann, 100, day(1, 12), order_id)
    between = position_at(day(1, 13), USING)
    assert (between.active, between.deficit, between.deficit_accounts) == (70, 70, 1)
    with Ledger([ann], now=day(1, 14)) as ledger:
        ledger.release(ann, 70)
    assert position_at(day(1, 13), USING) == between
    assert position_at(day(1, 15), USING) == liability.Position((), 0, 0)
    assert position_at(day(1, 11), USING).active == 100
    assert_ledger_adds_up()


def test_three_currencies_each_as_if_all_were_spent_in_it(winter):
    for slug, currency, value in (
        ("us", "USD", "0.01"),
        ("us-two", "USD", "0.009"),
        ("de", "EUR", "0.0125"),
        ("jp", "JPY", "0.333"),
        ("gb", "GBP", ""),
    ):
        loyalty_settings(make_channel(slug, currency), points_per_unit="1", point_value=value)
    closed = make_channel("closed", "SEK", is_active=False)
    loyalty_settings(closed, point_value="1")
    loyalty_settings(make_channel("no-share", "CHF"), point_value="1", maximum_share_percent="0")
    report = LiabilityReport(as_of=day(3, 1), now=day(6, 1), using=USING)
    assert report.point_values == {"EUR": D("0.0125"), "JPY": D("0.333"), "USD": D("0.01")}
    # 366.3 yen are 366; the months are 266.2 and 99.8.
    assert [part.worth for part in report.months] == [
        (Worth(D("10.00"), "EUR"), Worth(D(266), "JPY"), Worth(D("8.00"), "USD")),
        (Worth(D("3.75"), "EUR"), Worth(D(100), "JPY"), Worth(D("3.00"), "USD")),
    ]
    assert report.total.worth == (Worth(D("13.75"), "EUR"), Worth(D(366), "JPY"), Worth(D("11.00"), "USD"))
    january = LiabilityReport(as_of=day(2, 1), now=day(6, 1), using=USING)
    assert january.total.pending_worth == (Worth(D("3.75"), "EUR"), Worth(D(100), "JPY"), Worth(D("3.00"), "USD"))


@given(
    st.lists(st.integers(0, 10**9), max_size=8), st.decimals("0.000001", 10_000, places=6), st.sampled_from([0, 2, 3])
)
def test_worths_of_parts_add_up_to_the_worth_of_the_whole(parts, value, places):
    (whole,) = worths([sum(parts)], value, places)
    split = worths(parts, value, places)
    assert sum(split) == whole
    assert abs(whole - sum(parts) * value) <= D(1).scaleb(-places) / 2
    assert all(abs(each - part * value) < 2 * D(1).scaleb(-places) for each, part in zip(split, parts, strict=True))


def test_breakage_by_lots_whose_date_has_passed(monkeypatch):
    """Of six lots of 100: one spent, one half spent, one left to expire, one left and reinstated, one refunded, and one
    of points that were kept and are not given again.
    """
    monkeypatch.setattr(liability, "BREAKAGE_LOTS", 3)
    end = day(1, 31)
    spent, half, left, reinstated, refunded = accounts = [open_account() for _ in range(5)]
    orders = {account_id: earn(account_id, 100, day(1, 2), expires_at=end) for account_id in accounts}
    redeem(spent, 100, day(1, 5))
    redeem(half, 50, day(1, 5))
    reverse(refunded, 100, day(1, 6), orders[refunded])
    again = open_account()
    with Ledger([again], now=day(1, 6)) as ledger:
        award = ledger.award(again, 100, source(order_id=uuid4()), available_at=day(1, 6), expires_at=end)
        ledger.take_kept(award, 100, str(uuid4()))
    # Spent long before its date: what becomes of that month is not known yet.
    early = open_account()
    earn(early, 1000, day(1, 2), expires_at=day(12, 31))
    redeem(early, 1000, day(1, 5))
    expire_due_lots(day(2, 1))
    with Ledger([reinstated], now=day(2, 2)) as ledger:
        expired = PointsLot.objects.get(account_id=reinstated).consumptions.get().transaction_id
        kind = TransactionType.REINSTATE
        ledger.credit(reinstated, 100, kind, source(reverses=expired), expires_at=day(6, 1))
    assert breakage_before(day(1, 31), USING).lots == 0
    found = breakage_before(day(3, 1), USING)
    assert (found.lots, found.expired, found.spent, found.rate) == (3, 150, 150, Fraction(1, 2))
    assert found.status == BreakageStatus.MEASURED
    # 100 reinstated and 33 pending expire some day; 500 never.
    earn(left, 500, day(2, 3))
    earn(left, 33, day(2, 3), available_at=day(4, 1), expires_at=day(4, 1, 2027))
    assert found.expected(position_at(day(3, 1), USING)) == 66


def imported(account_id, *rows) -> None:
    """Each row: when, points, and when they expire."""
    with Ledger([account_id], now=day(6, 1)) as ledger:
        for at, points, expires_at in rows:
            if points > 0:
                ledger.credit(account_id, points, TransactionType.IMPORT, source(at=at), expires_at=expires_at)
            else:
                ledger.debit(account_id, -points, TransactionType.IMPORT, source(at=at))


def test_a_history_does_not_say_what_became_of_its_points(monkeypatch):
    """One customer had 100, which expired in the other system or were spent; of another one, 30 were left to expire.
    Only who owed 50 and brought 80 has spent points here.
    """
    monkeypatch.setattr(liability, "BREAKAGE_LOTS", 1)
    gone, left, owing = open_account(), open_account(), open_account()
    imported(gone, (day(1, 1), 100, day(2, 1)), (day(2, 1), -100, None))
    imported(left, (day(1, 1), 100, day(2, 1)), (day(1, 5), -70, None))
    assert expire_due_lots(day(6, 1, minute=15)) == 1
    assert breakage_before(day(6, 2), USING).status == BreakageStatus.INSUFFICIENT_DATA
    redeem(owing, 50, day(5, 1))
    imported(owing, (day(1, 1), 80, day(6, 15)))
    assert expire_due_lots(day(6, 15, minute=15)) == 1
    assert breakage_before(day(7, 1), USING) == liability.Breakage(lots=1, expired=30, spent=50)


def test_points_whose_reinstatement_was_voided_have_expired_after_all():
    ann = open_account()
    earn(ann, 100, day(1, 2), expires_at=day(1, 31))
    expire_due_lots(day(1, 31))
    expired = PointsLot.objects.get().consumptions.get().transaction_id
    with Ledger([ann], now=day(2, 2)) as ledger:
        again = ledger.credit(ann, 100, TransactionType.REINSTATE, source(reverses=expired), expires_at=day(6, 1))
    with Ledger([ann], entries=[again.pk], now=day(2, 10)) as ledger:
        ledger.take_back(ann, 100, TransactionType.VOID, source(reverses=again.pk))
    found = [breakage_before(at, USING) for at in (day(2, 1), day(2, 10), day(2, 11))]
    assert found == [liability.Breakage(1, 100, 0), liability.Breakage(0, 0, 0), liability.Breakage(1, 100, 0)]


def test_too_little_history_says_so(winter):
    found = breakage_before(day(6, 1), USING)
    assert (found.status, found.rate) == (BreakageStatus.INSUFFICIENT_DATA, None)
    report = LiabilityReport(now=day(6, 1), using=USING)
    assert (report.expected_breakage, report.expected_breakage_worth) == (None, ())


def test_the_same_statements_whatever_there_is(winter):
    def statements() -> int:
        report = LiabilityReport(now=day(6, 1), using=USING)
        with CaptureQueriesContext(connection) as captured:
            for part in ("total", "months", "movements", "breakage"):
                getattr(report, part)
        return len(captured)

    few = statements()
    for number in range(5):
        account_id = open_account()
        earn(account_id, 10, day(3, 1), expires_at=day(number + 5, 1, 2027))
    make_channel("more", "EUR")
    assert (few, statements()) == (5, 5)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"as_of": day(6, 2)}, "asOf"),
        ({"until": day(6, 2)}, "to"),
        ({"since": day(5, 1), "until": day(5, 1)}, "from"),
    ],
)
def test_moments_that_make_no_sense_are_named(arguments, field):
    with pytest.raises(LoyaltyInputError) as refused:
        LiabilityReport(now=day(6, 1), using=USING, **arguments)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("until", "since"),
    [
        (day(3, 1), day(2, 1)),
        (day(3, 1, microsecond=1), day(3, 1)),
        (day(1, 1), datetime(2025, 12, 1, tzinfo=UTC)),
    ],
)
def test_by_default_the_month_that_ends(until, since):
    assert LiabilityReport(until=until, now=day(6, 1), using=USING).movements.since == since


def test_the_command_prints_a_table_and_json(winter):
    loyalty_settings(make_channel("us", "USD"), point_value="0.01")
    loyalty_settings(make_channel("jp", "JPY"), point_value="1")
    assert run("--as-of", "2026-02-01") == [
        "As of 2026-02-01T00:00:00+00:00. Amounts of different currencies are alternatives: do not add them up.",
        "expiring in  points   JPY    USD  pending  JPY   USD",
        "2026-12        1000  1000  10.00        0    0  0.00",
        "2027-02           0     0   0.00      300  300  3.00",
        "never           500   500   5.00        0    0  0.00",
        "total          1500  1500  15.00      300  300  3.00",
        "Owed by customers: 0 points, by 0",
        "Of deleted customers: 0 points, which nobody can spend",
        "Expected to expire unspent: too little history: 0 awards whose date has passed",
        "From 2026-01-01T00:00:00+00:00 to 2026-02-01T00:00:00+00:00:",
        "         given  taken",
        "opening      0",
        "EARN      1800      0",
        "closing   1800",
    ]
    found = json.loads("\n".join(run("--as-of", "2026-03-01", "--json")))
    assert found["movements"] == {
        "from": "2026-02-01T00:00:00+00:00",
        "to": "2026-03-01T00:00:00+00:00",
        "opening": 1800,
        "byType": [
            {"type": "EARN_REVERSAL", "given": 0, "taken": 500, "entries": 1},
            {"type": "REDEEM", "given": 0, "taken": 650, "entries": 2},
        ],
        "closing": 650,
    }
    assert found["total"]["worth"] == {"JPY": "1100", "USD": "11.00"}
    assert found["deficit"] == {"points": 450, "accounts": 1}
    assert found["closedPoints"] == 0
    assert found["breakage"]["status"] == "INSUFFICIENT_DATA"


def test_the_command_says_what_is_wrong():
    with pytest.raises(CommandError, match="The future is not known"):
        run("--as-of", "2099-01-01")
    with pytest.raises(CommandError, match="Enter a date"):
        run("--from", "last month")


def run(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("crm_liability", *arguments, stdout=out)
    return out.getvalue().splitlines()


@dataclass(frozen=True)
class Seen:
    """What the rows said at a moment."""

    moment: datetime
    active: int
    pending: int
    deficit: int
    closed: int
    months: dict[date | None, int]


# Deficits and awards that wait are what is hard to date, so there are many.
WHAT = ["earn", "wait", "wait", "redeem", "redeem", "reverse", "return", "adjust", "expire", "hold", "waive", "close"]
STEPS = st.lists(
    st.tuples(st.sampled_from(WHAT), st.sampled_from([0, 0, 1]), st.integers(1, 400), st.integers(1, 40)),
    min_size=6,
    max_size=14,
)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
# What a checkout holds when its order is refunded pays once it is given up.
@example([("earn", 0, 100, 1), ("hold", 0, 70, 1), ("reverse", 0, 1, 1), ("earn", 1, 5, 1), ("hold", 0, 1, 2)])
@given(STEPS)
def test_every_past_moment_can_be_computed_again_and_all_movements_add_up(db, steps):
    """What accounts and lots said after each step is what the report says of that moment when all is over."""
    with transaction.atomic():
        seen = live(steps)
        assert_ledger_adds_up_but_for_holds()
        for each in seen:
            position = position_at(each.moment, USING)
            found = (position.active, position.pending, position.deficit, position.closed)
            assert found == (each.active, each.pending, each.deficit, each.closed)
            assert {month.month: month.active + month.pending for month in position.months} == each.months
        for first, last in [*pairwise(seen), (seen[0], seen[-1])]:
            moved = movements_between(first.moment, last.moment, USING)
            assert moved.opening == first.active + first.pending + first.closed - first.deficit
            assert moved.closing == last.active + last.pending + last.closed - last.deficit
        transaction.set_rollback(True)


def live(steps: list[tuple[str, int, int, int]]) -> list[Seen]:
    accounts = [open_account(), open_account()]
    orders: dict[int, list[tuple[UUID, int]]] = {account_id: [] for account_id in accounts}
    spent: dict[UUID, int] = {}
    now, seen = day(1, 1), []
    for what, who, points, days in steps:
        account_id = accounts[who]
        now += timedelta(days=days, hours=1)
        activate_due_lots(now)
        match what:
            case "earn":
                expires_at = now + timedelta(days=3 * days) if days > 10 else None
                orders[account_id].append((earn(account_id, points, now, expires_at=expires_at), points))
            case "wait":
                available_at = now + timedelta(days=days)
                expires_at = available_at + timedelta(days=points)
                order_id = earn(account_id, points, now, available_at=available_at, expires_at=expires_at)
                orders[account_id].append((order_id, points))
            case "redeem":
                order_id = orders[account_id][-1][0] if orders[account_id] else uuid4()
                redeem(account_id, points, now, order_id)
                spent[order_id] = spent.get(order_id, 0) + points
            case "reverse" if orders[account_id]:
                order_id, earned = orders[account_id].pop()
                reverse(account_id, earned, now, order_id)
            case "return" if orders[account_id]:
                order_id = orders[account_id][-1][0]
                if back := min(points, spent.pop(order_id, 0)):
                    with Ledger([account_id], orders=[order_id], now=now) as ledger:
                        ledger.give_back(account_id, back, source(order_id=order_id))
            case "adjust":
                try:
                    with Ledger([account_id], now=now) as ledger:
                        ledger.adjust(account_id, points if days % 2 else -points, source())
                except (AccountClosedError, InsufficientPointsError):
                    pass
            case "expire":
                expire_due_lots(now)
            case "hold":
                with Ledger([account_id], now=now) as ledger:
                    wallet = ledger.wallets[account_id]
                    if days % 2:
                        wallet.hold(min(points, wallet.spendable))
                    else:
                        ledger.release(account_id, wallet.held)
            case "waive":
                with Ledger([account_id], now=now) as ledger:
                    if owed := ledger.wallets[account_id].deficit:
                        ledger.waive(account_id, min(points, owed), source())
            case "close":
                LoyaltyAccount.objects.filter(pk=account_id, closed_at__isnull=True).update(closed_at=now)
        seen.append(look(now + timedelta(microseconds=1)))
    return seen


def look(moment: datetime) -> Seen:
    is_open = Q(closed_at__isnull=True)
    sums = LoyaltyAccount.objects.aggregate(
        spendable=Sum("active", filter=is_open, default=0),
        waiting=Sum("pending", filter=is_open, default=0),
        owed=Sum("deficit", default=0),
        closed=Sum(F("active") + F("pending"), filter=~is_open, default=0),
    )
    months: dict[date | None, int] = {}
    lots = PointsLot.objects.filter(remaining__gt=0, account__closed_at__isnull=True)
    for expires_at, remaining in lots.values_list("expires_at", "remaining"):
        month = expires_at and expires_at.date().replace(day=1)
        months[month] = months.get(month, 0) + remaining
    return Seen(moment, sums["spendable"], sums["waiting"], sums["owed"], sums["closed"], months)


def assert_ledger_adds_up_but_for_holds() -> None:
    LoyaltyAccount.objects.update(held=0)
    assert_ledger_adds_up()
    assert not PointsLot.objects.filter(status=LotStatus.EXPIRED, remaining__gt=0).exists()
