"""Where a customer stands, by example. Days are counted from the first purchase."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from saleor_crm_plugin.profiles.lifecycle.rules import Before, Stage, Standing, Terms, standing_of, usual_gap
from saleor_crm_plugin.profiles.models import LifecycleStage

START = datetime(2024, 1, 1, 12, tzinfo=UTC)
TERMS = Terms(loyal_orders=4, won_back_for=timedelta(days=90), shop_gap=timedelta(days=30))
NOBODY = Before()


def day(number: float) -> datetime:
    return START + timedelta(days=number)


def stand(
    *days: float, at: float, alive: float | None = None, before: Before = NOBODY, afresh: bool = True
) -> Standing:
    return standing_of([day(one) for one in days], day(-5), alive, before, TERMS, day(at), afresh=afresh)


def seen(stage: Stage, since: float, found_quiet: float | None = None) -> Before:
    return Before(stage, day(since), None if found_quiet is None else day(found_quiet))


def test_the_stages_are_those_of_the_table() -> None:
    assert {stage.value for stage in Stage} == set(LifecycleStage.values)


@pytest.mark.parametrize(
    ("days", "at", "stage", "since"),
    [
        ((), 3, Stage.PROSPECT, -5),
        ((0,), 0, Stage.FIRST_TIME, 0),
        # Who bought once is measured by the shop's 30 days: quiet after 60, gone after 120.
        ((0,), 60, Stage.FIRST_TIME, 0),
        ((0,), 60.001, Stage.AT_RISK, 60),
        ((0,), 120, Stage.AT_RISK, 60),
        ((0,), 120.001, Stage.LAPSED, 120),
        # Two orders, 10 days apart: (10 + 30) / 2 = 20 days are usual.
        ((0, 10), 50, Stage.REPEAT, 10),
        ((0, 10), 50.001, Stage.AT_RISK, 50),
        ((0, 10), 90.001, Stage.LAPSED, 90),
        ((0, 10, 20), 25, Stage.REPEAT, 10),
        ((0, 10, 20, 30), 35, Stage.LOYAL, 30),
        ((0, 10, 20, 30, 40), 45, Stage.LOYAL, 30),
        # Loyal ones go quiet, too: (40 + 30) / 5 = 14 days.
        ((0, 10, 20, 30, 40), 40 + 28.001, Stage.AT_RISK, 68),
        # Orders of one minute are no rhythm: at least 7 days are usual. (0 + 30) / 11 would be less than 3.
        ((0,) * 11, 14, Stage.LOYAL, 0),
        ((0,) * 11, 14.001, Stage.AT_RISK, 14),
        # A purchase that is dated ahead ends no silence and makes nobody quiet.
        ((0, 10), 5, Stage.REPEAT, 10),
    ],
)
def test_without_a_forecast(days: tuple[float, ...], at: float, stage: Stage, since: float) -> None:
    found = stand(*days, at=at)

    assert (found.stage, found.since) == (stage, day(since))


def test_a_purchase_after_a_long_silence_wins_back_for_ninety_days() -> None:
    # 61 days after the first purchase, where 60 were the limit.
    assert stand(0, 61, at=61).stage == Stage.WON_BACK
    assert stand(0, 61, at=61).since == day(61)
    assert stand(0, 60, at=60).stage == Stage.REPEAT
    # It goes on through further purchases, and then the number of purchases counts again, since that moment.
    often = (0, 61, 80, 100, 120, 140)
    assert stand(*often, at=150.9) == Standing(Stage.WON_BACK, day(61), None)
    assert (stand(*often, at=151).stage, stand(*often, at=151).since) == (Stage.LOYAL, day(151))


def test_the_rhythm_before_the_silence_decides_and_not_the_one_that_it_made() -> None:
    # Every 10 days, then 41: the usual gap before was (20 + 30) / 3 = 16.7 days. With the silence in it, it is 22.75.
    assert stand(0, 10, 20, 61, at=62).stage == Stage.WON_BACK


@pytest.mark.parametrize(
    ("alive", "stage"),
    [(1.0, Stage.REPEAT), (0.5, Stage.REPEAT), (0.49, Stage.AT_RISK), (0.2, Stage.AT_RISK), (0.19, Stage.LAPSED)],
)
def test_a_forecast_decides_once_the_usual_gap_is_over(alive: float, stage: Stage) -> None:
    # 20 days are usual; without the forecast the customer would be at risk from day 50 on, and gone from day 90 on.
    assert stand(0, 10, at=31, alive=alive).stage == stage
    assert stand(0, 10, at=400, alive=alive).stage == stage
    assert stand(0, 10, at=30, alive=alive).stage == Stage.REPEAT, "an order that the forecast may not know"


def test_a_forecast_does_not_say_since_when() -> None:
    assert stand(0, 10, at=40, alive=0.4).since == day(40)
    assert stand(0, 10, at=45, alive=0.4, before=seen(Stage.AT_RISK, 40, 40)).since == day(40)
    assert stand(0, 10, at=45, alive=0.1, before=seen(Stage.AT_RISK, 40, 40)).since == day(45)


def test_whoever_was_found_quiet_and_buys_is_won_back_whatever_the_silence_was() -> None:
    # 25 days of silence would not show it.
    found = stand(0, 10, 35, at=36, before=seen(Stage.AT_RISK, 33, 33))

    assert (found.stage, found.since, found.found_quiet_at) == (Stage.WON_BACK, day(35), day(33))
    later = stand(0, 10, 35, 50, at=51, before=seen(Stage.WON_BACK, 35, 33))
    assert (later.stage, later.since) == (Stage.WON_BACK, day(35)), "the first purchase after it counts"
    assert stand(0, 10, 35, 75, 110, at=125, before=seen(Stage.WON_BACK, 35, 33)).stage == Stage.LOYAL


def test_an_order_that_was_placed_before_but_heard_of_later_wins_nobody_back() -> None:
    found = stand(0, 10, 32, at=36, before=seen(Stage.AT_RISK, 33, 33))

    assert (found.stage, found.found_quiet_at) == (Stage.REPEAT, None)


def test_a_second_silence_is_found_anew() -> None:
    before = seen(Stage.WON_BACK, 35, 33)

    assert stand(0, 10, 35, at=400, before=before).found_quiet_at == day(400)
    assert stand(0, 10, at=401, before=seen(Stage.LAPSED, 400, 400)).found_quiet_at == day(400)


@pytest.mark.parametrize(
    ("stage", "silence", "alive", "stays"),
    [
        # 20 days are usual: quiet above 40 days, and until they are 32; gone above 80, and until they are 64.
        (Stage.AT_RISK, 33, None, Stage.AT_RISK),
        (Stage.AT_RISK, 32, None, Stage.REPEAT),
        (Stage.LAPSED, 65, None, Stage.LAPSED),
        (Stage.LAPSED, 64, None, Stage.AT_RISK),
        (Stage.LAPSED, 33, None, Stage.AT_RISK),
        (Stage.AT_RISK, 33, 0.59, Stage.AT_RISK),
        (Stage.AT_RISK, 33, 0.6, Stage.REPEAT),
        (Stage.LAPSED, 33, 0.29, Stage.LAPSED),
        (Stage.LAPSED, 33, 0.3, Stage.AT_RISK),
        (Stage.REPEAT, 33, 0.59, Stage.REPEAT),
        (Stage.REPEAT, 40, None, Stage.REPEAT),
    ],
)
def test_who_is_quiet_stays_so_until_it_is_clear(
    stage: Stage, silence: float, alive: float | None, stays: Stage
) -> None:
    quiet_since = 20 if stage in (Stage.AT_RISK, Stage.LAPSED) else None
    before = seen(stage, 20, quiet_since)

    found = stand(0, 10, at=10 + silence, alive=alive, before=before, afresh=False)

    assert found.stage == stays
    if stays == stage:
        assert found.since == day(20)
    unburdened = stand(0, 10, at=10 + silence, alive=alive, before=before)
    assert unburdened.stage == stand(0, 10, at=10 + silence, alive=alive).stage, "new purchases are judged afresh"


def test_the_usual_gap_counts_the_shops_once() -> None:
    assert usual_gap(day(0), day(0), 1, timedelta(days=30)) == 30 * 86400
    assert usual_gap(day(0), day(90), 10, timedelta(days=30)) == 12 * 86400
    assert usual_gap(day(0), day(9), 10, timedelta(days=30)) == 7 * 86400
