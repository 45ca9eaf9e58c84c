"""Pairs of times with and without the plugin: what is said of them."""

from __future__ import annotations

from collections import Counter as TextCounter

import numpy as np
import pytest

from tests.benchmarks.figures import Budget
from tests.benchmarks.shop_on_off.pairs import Pairs
from tests.benchmarks.shop_on_off.statements import since, tables


def pairs(with_it: list[float], without_it: list[float], *, each: int = 60, noise: float = 0.03) -> Pairs:
    """Every process with the plugin meets every one without; each takes its own time, but for some noise."""
    dice = np.random.default_rng(1)
    found = Pairs()
    for number in range(each):
        # Both of a pair are slowed by the same: the machine was busy.
        busy = 1 + (number % 5) / 2
        for ours, mine in enumerate(with_it):
            for theirs, other in enumerate(without_it):
                first, second = busy * np.array([mine, other]) * dice.normal(1, noise, 2)
                found.add((ours, theirs), float(first), float(second))
    return found


def test_the_ratio_is_of_pairs_so_a_busy_machine_does_not_move_it() -> None:
    found = pairs([0.105, 0.105, 0.105], [0.100, 0.100, 0.100])
    low, high = found.interval()
    assert found.ratio() == pytest.approx(1.05, abs=0.01)
    assert 1.03 < low < found.ratio() < high < 1.07


def test_the_same_on_both_sides_is_no_effect() -> None:
    low, high = pairs([0.1, 0.1, 0.1], [0.1, 0.1, 0.1]).interval()
    assert low < 1 < high
    assert high - low < 0.02


def test_processes_that_differ_among_themselves_widen_the_interval() -> None:
    alike = pairs([0.100, 0.100, 0.100], [0.100, 0.100, 0.100])
    apart = pairs([0.097, 0.100, 0.103], [0.103, 0.100, 0.097])
    low, high = apart.interval()
    assert low < 1 < high
    assert high - low > 2 * (alike.interval()[1] - alike.interval()[0])
    assert apart.apart() == pytest.approx(0.06, abs=0.015)


def test_the_figure_says_what_was_added_and_misses_its_budget() -> None:
    figure = pairs([0.103], [0.100], noise=0.001).figure("checkoutComplete", [Budget("ratio", 1.01)])
    assert figure.ratio is not None
    assert figure.ratio.runs == 60
    assert figure.missed() == [Budget("ratio", 1.01)]
    # On a machine that is busy enough to take twice as long in the middle.
    assert figure.note.startswith("+6.0")


def test_statements_are_counted_from_one_reading_to_the_next() -> None:
    before = {1: (4, "SELECT 1"), 2: (1, 'SELECT FROM "crm_loyalty_account"')}
    after = {1: (7, "SELECT 1"), 2: (1, 'SELECT FROM "crm_loyalty_account"'), 3: (2, 'INSERT INTO "crm_profile_order"')}
    assert since(before, after) == {"SELECT 1": 3, 'INSERT INTO "crm_profile_order"': 2}
    assert since(after, after) == {}


def test_a_statement_is_told_by_the_table_that_it_names_first() -> None:
    more = TextCounter(
        {'SELECT "a" FROM "channel_channel" JOIN "b"': 2, 'UPDATE "crm_points_lot" SET': 1, "SELECT 1": 1}
    )
    assert tables(more) == "2 of channel_channel, 1 of crm_points_lot, 1 of no table"
