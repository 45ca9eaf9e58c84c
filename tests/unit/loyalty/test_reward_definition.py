"""What a reward may say, and who may have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.loyalty.rewards.definition import (
    Place,
    Refusal,
    Reward,
    RewardKind,
    Shopper,
    missing_points,
    refusal,
)

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
FIXED = Reward("Five off", RewardKind.VOUCHER_FIXED, 300, amount=D("5"), currency="USD", is_active=True)
PERCENTAGE = Reward("Tenth", RewardKind.VOUCHER_PERCENTAGE, 300, percentage=D("10"))
SHIPPING = Reward("Shipping", RewardKind.FREE_SHIPPING, 100)
CARD = Reward("Card", RewardKind.GIFT_CARD, 2500, amount=D("25"), currency="EUR")
PRODUCT = Reward("Mug", RewardKind.PRODUCT, 900, variant_id=7)
EACH = (FIXED, PERCENTAGE, SHIPPING, CARD, PRODUCT)


@pytest.mark.parametrize("reward", EACH)
def test_each_kind_has_a_valid_form(reward):
    reward.validate()


@pytest.mark.parametrize(
    ("reward", "code", "field"),
    [
        (replace(FIXED, name=" "), "INVALID", "name"),
        (replace(FIXED, name="x" * 129), "INVALID", "name"),
        (replace(FIXED, description="x" * 2001), "INVALID", "description"),
        (replace(FIXED, cost=0), "INVALID", "cost"),
        (replace(FIXED, cost=-1), "INVALID", "cost"),
        (replace(FIXED, cost=2**31), "INVALID", "cost"),
        (replace(FIXED, stock=-1), "INVALID", "stock"),
        (replace(FIXED, stock=2**31), "INVALID", "stock"),
        (replace(FIXED, limit_per_customer=0), "INVALID", "limitPerCustomer"),
        (replace(FIXED, valid_days=0), "INVALID", "validDays"),
        (replace(FIXED, valid_days=3651), "INVALID", "validDays"),
        (replace(FIXED, starts_at=NOON, ends_at=NOON), "INVALID", "endsAt"),
        (replace(FIXED, amount=None), "REQUIRED", "amount"),
        (replace(FIXED, amount=D("0")), "INVALID", "amount"),
        (replace(FIXED, amount=D("-5")), "INVALID", "amount"),
        (replace(FIXED, amount=D("NaN")), "INVALID", "amount"),
        (replace(FIXED, amount=D("Infinity")), "INVALID", "amount"),
        (replace(FIXED, amount=D("5.0001")), "INVALID", "amount"),
        (replace(FIXED, amount=D("1000000001")), "INVALID", "amount"),
        (replace(FIXED, currency=""), "REQUIRED", "currency"),
        (replace(FIXED, percentage=D("10")), "INVALID", "percentage"),
        (replace(FIXED, variant_id=7), "INVALID", "productVariantId"),
        (replace(FIXED, minimum_spend=D("0")), "INVALID", "minimumSpend"),
        (replace(PERCENTAGE, percentage=None), "REQUIRED", "percentage"),
        (replace(PERCENTAGE, percentage=D("100.001")), "INVALID", "percentage"),
        (replace(PERCENTAGE, percentage=D("0")), "INVALID", "percentage"),
        (replace(PERCENTAGE, amount=D("5")), "INVALID", "amount"),
        (replace(PERCENTAGE, minimum_spend=D("20")), "REQUIRED", "currency"),
        (replace(SHIPPING, percentage=D("50")), "INVALID", "percentage"),
        (replace(CARD, minimum_spend=D("20")), "INVALID", "minimumSpend"),
        (replace(PRODUCT, variant_id=None), "REQUIRED", "productVariantId"),
    ],
)
def test_what_is_wrong_is_named(reward, code, field):
    with pytest.raises(LoyaltyInputError) as caught:
        reward.validate()
    assert (caught.value.code, caught.value.field) == (code, field)


def ask(reward: Reward, shopper: Shopper, **about) -> Refusal | None:
    known = {"at": NOON, "left": None, "tier_level": 0, "place": Place(1, "USD"), **about}
    return refusal(reward, shopper, **known)


RICH = Shopper(spendable=300)


def test_the_first_moment_counts_and_the_last_does_not():
    timed = replace(FIXED, starts_at=NOON, ends_at=NOON + timedelta(hours=1))
    second = timedelta(seconds=1)
    assert ask(timed, RICH, at=NOON) is None
    assert ask(timed, RICH, at=NOON - second) == Refusal.NOT_AVAILABLE
    assert ask(timed, RICH, at=NOON + timedelta(hours=1) - second) is None
    assert ask(timed, RICH, at=NOON + timedelta(hours=1)) == Refusal.NOT_AVAILABLE


def test_a_place_that_is_not_known_is_no_obstacle():
    here = replace(FIXED, channel_ids=frozenset({2}))
    assert ask(here, RICH) == Refusal.NOT_APPLICABLE
    assert ask(here, RICH, place=Place(2, "USD")) is None
    assert ask(here, RICH, place=Place(2, "EUR")) == Refusal.NOT_APPLICABLE
    assert ask(here, RICH, place=None) is None


def test_a_place_that_loyalty_is_switched_off_in_is_one():
    assert ask(FIXED, RICH, place=Place(1, "USD", loyalty_on=False)) == Refusal.LOYALTY_DISABLED
    assert ask(FIXED, RICH, place=Place(1, "EUR", loyalty_on=False)) == Refusal.NOT_APPLICABLE


@given(
    spendable=st.integers(-10, 600),
    left=st.none() | st.integers(0, 2),
    level=st.integers(0, 3),
    asked=st.integers(0, 3),
    taken=st.integers(0, 3),
    limit=st.none() | st.integers(1, 3),
    segments=st.frozensets(st.sampled_from("AB")),
    wanted=st.frozensets(st.sampled_from("AB")),
    is_closed=st.booleans(),
)
def test_it_is_given_if_and_only_if_every_condition_holds(
    spendable, left, level, asked, taken, limit, segments, wanted, is_closed
):
    reward = replace(FIXED, limit_per_customer=limit, segments=wanted)
    shopper = Shopper(spendable, is_closed, level, segments, taken)
    found = ask(reward, shopper, left=left, tier_level=asked)
    allowed = (
        spendable >= 300
        and left != 0
        and level >= asked
        and (limit is None or taken < limit)
        and (not wanted or bool(wanted & segments))
        and not is_closed
    )
    assert (found is None) == allowed
    # With patience and points alone one gets there only from this refusal.
    if found == Refusal.INSUFFICIENT_POINTS:
        more = replace(shopper, spendable=shopper.spendable + missing_points(300, spendable))
        assert ask(reward, more, left=left, tier_level=asked) is None
