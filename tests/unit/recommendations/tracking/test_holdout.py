"""Who is held out: stable, even, and growing with the share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.recommendations.tracking.holdout import in_holdout, profile_identity

PEOPLE = [profile_identity(number) for number in range(1, 20_001)]
shares = st.floats(0, 1)


@given(st.text(), shares)
def test_the_answer_is_always_the_same(identity, share):
    assert in_holdout(identity, share) == in_holdout(identity, share)


@given(st.text(), shares, shares)
def test_whoever_is_held_out_is_so_at_every_larger_share(identity, one, other):
    small, large = sorted((one, other))
    assert in_holdout(identity, large) or not in_holdout(identity, small)


@given(st.text())
def test_nobody_at_none_and_everybody_at_all(identity):
    assert not in_holdout(identity, 0)
    assert in_holdout(identity, 1)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.1, 0.5])
def test_as_many_as_the_share_says(share):
    held_out = sum(in_holdout(person, share) for person in PEOPLE)
    # Five standard deviations of a fair draw.
    assert abs(held_out - share * len(PEOPLE)) < 5 * (share * (1 - share) * len(PEOPLE)) ** 0.5


def test_evenly_over_all_shares():
    # Chi-square of twenty parts: beyond 43.8 once in a thousand draws.
    parts = [sum(in_holdout(person, (part + 1) / 20) for person in PEOPLE) for part in range(20)]
    counts = [after - before for before, after in zip([0, *parts], parts, strict=False)]
    assert sum(counts) == len(PEOPLE)
    assert sum((count - 1000) ** 2 / 1000 for count in counts) < 43.8


def test_neighbours_are_independent():
    # Registered one after the other, or on the same weekday: no pattern.
    for step in (2, 7, 10, 64):
        some = PEOPLE[::step]
        held_out = sum(in_holdout(person, 0.2) for person in some)
        assert abs(held_out - 0.2 * len(some)) < 5 * (0.16 * len(some)) ** 0.5


def test_who_is_held_out_does_not_change_with_a_release():
    assert [number for number in range(1, 101) if in_holdout(profile_identity(number), 0.05)] == [48, 85, 88, 96]
