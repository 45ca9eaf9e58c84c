"""Several accounts merged into one, which leave in any order: each takes along what it brought.

Invariant 8 of the design, with what one's points had paid of another's debt.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.models import AccountMerge, LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.schedule import activate_due_lots
from saleor_crm_plugin.loyalty.separating import UNMERGED, Unmerged, unmerge
from tests.integration.loyalty.audit import assert_ledger_adds_up
from tests.integration.loyalty.test_merging import (
    NOW,
    STAFF,
    UNTIL,
    give,
    hold,
    join,
    lots,
    open_account,
    owe,
    reach,
    sums,
)

pytestmark = pytest.mark.django_db

SOURCES = 3
DATES = st.sampled_from([None, NOW + timedelta(days=10), NOW + timedelta(days=20)])


@dataclass(frozen=True)
class Wealth:
    lots: list
    debt: int
    tiers: set


WEALTHS = st.builds(
    Wealth,
    lots=st.lists(st.tuples(st.sampled_from([5, 30, 100]), DATES, st.booleans()), max_size=2),
    # Below what there is, or beyond it: a debt.
    debt=st.sampled_from([0, 0, 20, 60, 150]),
    # Those of a tier are given once to a person.
    tiers=st.sets(st.sampled_from([1, 2])),
)


@pytest.fixture(autouse=True)
def audited():
    yield
    assert_ledger_adds_up()


def open_with(wealth: Wealth) -> int:
    account_id = open_account()
    for points, expires_at, pending in wealth.lots:
        give(account_id, points, expires_at, pending)
    for tier_id in sorted(wealth.tiers):
        reach(account_id, tier_id, 40)
    if wealth.debt:
        owe(account_id, wealth.debt)
    return account_id


def state(account_ids: list[int]) -> list[object]:
    """Sums, lots and lifetime of each."""
    lifetimes = dict(LoyaltyAccount.objects.values_list("pk", "lifetime"))
    return [(sums(pk), lots(pk), lifetimes[pk]) for pk in account_ids]


@given(
    wealths=st.lists(WEALTHS, min_size=SOURCES + 1, max_size=SOURCES + 1),
    leave=st.permutations(range(SOURCES)),
)
@settings(
    max_examples=60,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whoever_leaves_takes_along_what_they_brought(wealths, leave):
    """Also the one who comes back: after each, everything is as if that one had never come."""
    sid = transaction.savepoint()
    try:
        target, *sources = (open_with(wealth) for wealth in wealths)
        before = state([target, *sources])
        for account_id in sources:
            join(account_id, target)
        staying = list(sources)
        for position in leave:
            account_id = sources[position]
            unmerge(AccountMerge.objects.get(source_id=account_id, undone_at=None).pk, STAFF, NOW)
            staying.remove(account_id)
            assert state([account_id]) == [before[1 + position]]
        assert state([target, *sources]) == before
        assert_ledger_adds_up()
    finally:
        transaction.savepoint_rollback(sid)


def test_points_that_paid_anothers_debt_go_with_whom_they_came(db):
    """One brings 100 points, another a debt of 60, which they pay; the one with the points leaves first."""
    target, rich, poor = open_account(), open_account(), open_account()
    give(rich, 100)
    owe(poor, 60)
    first, second = join(rich, target), join(poor, target)
    assert sums(target) == (40, 0, 0)
    assert unmerge(first.pk, STAFF, NOW) == Unmerged(points=100, debt=0)
    assert [sums(pk) for pk in (target, rich, poor)] == [(0, 0, 60), (100, 0, 0), (0, 0, 0)]
    again = AccountMerge.objects.get(source_id=poor, undone_at=None)
    assert again.pk != second.pk
    assert (again.merged_at, again.undo_until, again.actor_id) == (second.merged_at, UNTIL, STAFF.id)
    assert unmerge(again.pk, STAFF, NOW) == Unmerged(points=0, debt=60)
    assert [sums(pk) for pk in (target, rich, poor)] == [(0, 0, 0), (100, 0, 0), (0, 0, 60)]


def test_a_debt_that_anothers_points_paid_goes_with_whom_it_came(db):
    target, poor, rich = open_account(), open_account(), open_account()
    owe(poor, 60)
    give(rich, 100)
    first, _ = join(poor, target), join(rich, target)
    assert unmerge(first.pk, STAFF, NOW) == Unmerged(points=0, debt=60)
    assert [sums(pk) for pk in (target, rich, poor)] == [(100, 0, 0), (0, 0, 0), (0, 0, 60)]


def test_points_that_became_active_meanwhile_have_paid_too(db):
    """The last one's debt waits for the first one's points: whose debt it was, is known when they leave."""
    target, first, last = open_account(), open_account(), open_account()
    give(first, 100, pending=True)
    owe(last, 30)
    merges = [join(first, target), join(last, target)]
    later = NOW + timedelta(days=15)
    activate_due_lots(later)
    assert sums(target) == (70, 0, 0)
    assert unmerge(merges[0].pk, STAFF, later) == Unmerged(points=100, debt=0)
    assert sums(target) == (0, 0, 30)
    unmerge(AccountMerge.objects.get(source_id=last, undone_at=None).pk, STAFF, later)
    assert [sums(pk) for pk in (target, first, last)] == [(0, 0, 0), (100, 0, 0), (0, 0, 30)]


def test_where_nobody_owed_anything_the_others_are_left_alone(db):
    target, one, other = open_account(), open_account(), open_account()
    give(one, 100)
    give(other, 50)
    first, second = join(one, target), join(other, target)
    unmerge(first.pk, STAFF, NOW)
    assert AccountMerge.objects.get(source_id=other).pk == second.pk
    assert not PointsTransaction.objects.filter(account_id=other, reason=UNMERGED).exists()


def test_who_stays_is_back_or_nothing_has_happened(db):
    """Refused before anybody has left."""
    target, rich, poor = open_account(), open_account(), open_account()
    give(rich, 100)
    owe(poor, 60)
    first, _ = join(rich, target), join(poor, target)
    hold(target, 10)
    entries = PointsTransaction.objects.count()
    with pytest.raises(LoyaltyInputError, match="holds points"):
        unmerge(first.pk, STAFF, NOW)
    assert PointsTransaction.objects.count() == entries
