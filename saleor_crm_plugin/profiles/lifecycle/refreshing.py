"""Brings stages in line with purchases, forecasts and time: `rules` as one statement over any number of customers.

Who refuses profiling, is erased, or was merged into another profile has no stage. Every change of a stage is an event,
in the same transaction; a customer's first stage, and a stage that goes because nothing may be computed any more, are
none.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any, Final, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections, transaction

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.profiles.lifecycle import rules
from saleor_crm_plugin.profiles.lifecycle.rules import QUIET, Stage, Terms
from saleor_crm_plugin.profiles.models import CustomerProfile, PredictionStatus
from saleor_crm_plugin.profiles.timeline.log import Event, record
from saleor_crm_plugin.profiles.timeline.models import EventKind, SubjectType

# Profiles in one transaction when all are refreshed, as in `metrics`.
REFRESH_BATCH_SIZE: Final = 10_000
# The shop's own rhythm is known once so many customers came back; before, the setting says it.
REPEAT_CUSTOMERS_NEEDED: Final = 20

# As in `metrics`: in the order of ids, and a statement of its own, so that the next one looks at the data anew.
_LOCK = "SELECT id FROM crm_customer_profile WHERE id = ANY(%(profiles)s::bigint[]) ORDER BY id FOR NO KEY UPDATE"


def _seconds(interval: str) -> str:
    return f"floor(extract(epoch FROM {interval}))::bigint"


def _usual(first: str, last: str, gaps: str) -> str:
    return (
        f"greatest(({_seconds(f'{last} - {first}')} + {rules.SHOP_GAPS} * %(shop_gap)s::bigint)"
        f" / ({gaps} + {rules.SHOP_GAPS}), {rules.LEAST_GAP // timedelta(seconds=1)})"
    )


# `rules.standing_of`, name by name. Materialized: where PostgreSQL believes that a table is empty (it was, when last
# looked at) it would go through all orders again for each customer; and it would plan an expression anew wherever its
# name stands, which took as long as a dozen statements.
_REFRESH = f"""
WITH purchase AS (
    SELECT profile_id, placed_at, row_number() OVER numbered AS number,
           lag(placed_at) OVER numbered AS previous_at, first_value(placed_at) OVER numbered AS first_at
    FROM crm_profile_order
    WHERE profile_id = ANY(%(profiles)s::bigint[]) AND counts
    WINDOW numbered AS (PARTITION BY profile_id ORDER BY placed_at, order_id)
), history AS MATERIALIZED (
    SELECT purchase.profile_id, count(*) AS orders, min(placed_at) AS first_at, max(placed_at) AS last_at,
           max(placed_at) FILTER (WHERE number = 2) AS second_at,
           max(placed_at) FILTER (WHERE number = %(loyal_orders)s) AS loyal_at,
           max(placed_at) FILTER (WHERE number > 1 AND {_seconds("placed_at - previous_at")} * 10
               > {rules.AT_RISK_TENTHS} * {_usual("first_at", "previous_at", "number - 2")}) AS returned_at,
           min(placed_at) FILTER (WHERE placed_at > profile.found_quiet_at) AS after_quiet_at
    FROM purchase JOIN crm_customer_profile profile ON profile.id = purchase.profile_id
    GROUP BY purchase.profile_id
), forecast AS MATERIALIZED (
    SELECT profile_id, max(probability_alive) AS alive
    FROM crm_profile_metrics
    WHERE profile_id = ANY(%(profiles)s::bigint[]) AND prediction_status = '{PredictionStatus.PREDICTED}'
    GROUP BY profile_id
), known AS MATERIALIZED (
    SELECT profile.id, profile.created_at, profile.found_quiet_at,
           profile.lifecycle_stage AS old_stage, profile.lifecycle_since AS old_since,
           profile.profiling_allowed AND profile.erased_at IS NULL AND profile.merged_into_id IS NULL AS allowed,
           CASE WHEN %(afresh)s OR after_quiet_at IS NOT NULL THEN '' ELSE profile.lifecycle_stage END AS kept,
           orders, last_at, second_at, first_at, loyal_at, after_quiet_at, alive,
           greatest(returned_at, after_quiet_at) AS returned_at,
           greatest(returned_at, after_quiet_at) + %(won_back_for)s AS won_back_until,
           {_seconds("%(now)s::timestamptz - last_at")} AS silence,
           {_usual("first_at", "last_at", "orders - 1")} AS usual
    FROM crm_customer_profile profile
    LEFT JOIN history ON history.profile_id = profile.id
    LEFT JOIN forecast ON forecast.profile_id = profile.id
    WHERE profile.id = ANY(%(profiles)s::bigint[])
), judged AS (
    SELECT known.*, CASE
        WHEN silence <= usual THEN ''
        WHEN alive IS NULL THEN CASE
            WHEN silence * 10 > usual * CASE WHEN kept = 'lapsed'
                THEN {rules.LAPSED_STAYS_TENTHS} ELSE {rules.LAPSED_TENTHS} END THEN 'lapsed'
            WHEN silence * 10 > usual * CASE WHEN kept IN ('at_risk', 'lapsed')
                THEN {rules.AT_RISK_STAYS_TENTHS} ELSE {rules.AT_RISK_TENTHS} END THEN 'at_risk'
            ELSE '' END
        WHEN alive < CASE WHEN kept = 'lapsed'
            THEN {rules.LAPSED_STAYS_ALIVE} ELSE {rules.LAPSED_ALIVE} END::float8 THEN 'lapsed'
        WHEN alive < CASE WHEN kept IN ('at_risk', 'lapsed')
            THEN {rules.AT_RISK_STAYS_ALIVE} ELSE {rules.AT_RISK_ALIVE} END::float8 THEN 'at_risk'
        ELSE '' END AS quiet
    FROM known
), staged AS MATERIALIZED (
    SELECT judged.*, CASE
        WHEN NOT allowed THEN ''
        WHEN orders IS NULL THEN 'prospect'
        WHEN quiet <> '' THEN quiet
        WHEN %(now)s < won_back_until THEN 'won_back'
        WHEN orders >= %(loyal_orders)s THEN 'loyal'
        WHEN orders > 1 THEN 'repeat'
        ELSE 'first_time' END AS stage
    FROM judged
), wanted AS (
    SELECT id, stage, old_stage, old_since, silence, usual, alive, CASE
        WHEN stage = '' THEN NULL
        WHEN NOT %(afresh)s AND stage = old_stage AND old_since IS NOT NULL AND stage <> 'prospect' THEN old_since
        WHEN stage = 'prospect' THEN created_at
        WHEN stage = 'won_back' THEN returned_at
        WHEN stage = 'loyal' THEN greatest(loyal_at, won_back_until)
        WHEN stage = 'repeat' THEN greatest(second_at, won_back_until)
        WHEN stage = 'first_time' THEN greatest(first_at, won_back_until)
        WHEN alive IS NOT NULL AND stage = old_stage AND old_since > last_at THEN old_since
        WHEN alive IS NOT NULL THEN %(now)s
        ELSE least(last_at + usual * CASE stage WHEN 'lapsed' THEN {rules.LAPSED_TENTHS} ELSE {rules.AT_RISK_TENTHS} END
            / 10 * interval '1 second', %(now)s) END AS since, CASE
        WHEN stage IN ('at_risk', 'lapsed') AND (found_quiet_at IS NULL OR after_quiet_at IS NOT NULL) THEN %(now)s
        WHEN stage IN ('at_risk', 'lapsed') OR (stage NOT IN ('', 'prospect') AND after_quiet_at IS NOT NULL)
            THEN found_quiet_at END AS found_at
    FROM staged
)
UPDATE crm_customer_profile profile
SET lifecycle_stage = wanted.stage, lifecycle_since = wanted.since, found_quiet_at = wanted.found_at
FROM wanted
WHERE profile.id = wanted.id
  AND (profile.lifecycle_stage, profile.lifecycle_since, profile.found_quiet_at)
      IS DISTINCT FROM (wanted.stage, wanted.since, wanted.found_at)
RETURNING profile.id, wanted.old_stage, wanted.old_since, wanted.stage, wanted.since,
    wanted.silence, wanted.usual, wanted.alive
"""  # nosec B608  # constants only; values are parameters
_LAST_ORDERS = """
SELECT DISTINCT ON (profile_id) profile_id, order_id, placed_at
FROM crm_profile_order
WHERE profile_id = ANY(%s::bigint[]) AND counts
ORDER BY profile_id, placed_at DESC, order_id DESC
"""
# The middle one of the customers' own usual gaps: a few who buy daily, or once in years, do not move it.
_SHOP_GAP = """
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY gap), count(*)
FROM (
    SELECT floor(extract(epoch FROM max(placed_at) - min(placed_at)))::bigint / (count(*) - 1) AS gap
    FROM crm_profile_order JOIN crm_customer_profile profile ON profile.id = profile_id
    WHERE counts AND profiling_allowed AND erased_at IS NULL AND merged_into_id IS NULL
    GROUP BY profile_id
    HAVING count(*) > 1
) AS customers
"""


# The stages that differ by nothing but the number of purchases, fewest first.
_BY_NUMBER: Final = (Stage.FIRST_TIME.value, Stage.REPEAT.value, Stage.LOYAL.value)


class Occasion(Enum):
    """Why stages are brought in line.

    Attributes:
        ORDERS: orders of these customers have changed, or are heard of for the first time: however old they are, they
            are news. Stages are judged afresh.
        MOVED_ORDERS: customers were merged or separated, whose orders the shop knew. Stages are judged afresh.
        HISTORY: a backfill has brought orders of some of them.
        TIME: their orders are those that they were.
    """

    ORDERS = auto()
    MOVED_ORDERS = auto()
    HISTORY = auto()
    TIME = auto()


class _Change(NamedTuple):
    profile_id: int
    old_stage: str
    old_since: datetime | None
    stage: str
    since: datetime
    silence: int | None
    usual: int | None
    alive: float | None


def refresh_stages(
    profile_ids: Collection[int],
    terms: Terms,
    now: datetime,
    using: str | None = None,
    occasion: Occasion = Occasion.ORDERS,
) -> int:
    """Bring the stages of these customers in line.

    At most four SQL statements, in one transaction. Call it after `metrics.refresh_metrics`.

    Returns:
        The number of customers whose stage is another now.
    """
    return _refresh(sorted(profile_ids), terms, now, using or DEFAULT_DB_ALIAS, occasion) if profile_ids else 0


def refresh_all_stages(
    terms: Terms, now: datetime, using: str | None = None, occasion: Occasion = Occasion.TIME
) -> int:
    """Bring everybody's stage in line with time and forecasts, in batches; writes only what changes.

    Returns:
        The number of customers whose stage is another now.
    """
    alias = using or DEFAULT_DB_ALIAS
    return sum(
        _refresh(batch, terms, now, alias, occasion)
        for batch in key_batches(CustomerProfile.objects.using(alias), REFRESH_BATCH_SIZE)
    )


def shop_gap(using: str | None = None) -> timedelta | None:
    """The usual gap of the shop's customers; None while too few came back. One SQL statement over all orders."""
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(_SHOP_GAP)
        seconds, customers = cursor.fetchone()
    return timedelta(seconds=seconds) if customers >= REPEAT_CUSTOMERS_NEEDED else None


def _refresh(profile_ids: list[int], terms: Terms, now: datetime, alias: str, occasion: Occasion) -> int:
    parameters: dict[str, Any] = {
        "profiles": profile_ids,
        "now": now,
        "afresh": occasion in (Occasion.ORDERS, Occasion.MOVED_ORDERS),
        "loyal_orders": terms.loyal_orders,
        "won_back_for": terms.won_back_for,
        "shop_gap": terms.shop_gap // timedelta(seconds=1),
    }
    # As in `metrics`.
    with transaction.atomic(using=alias, savepoint=False), connections[alias].cursor() as cursor:
        cursor.execute(_LOCK, parameters)
        cursor.execute(_REFRESH, parameters)
        written = [_Change(*row) for row in cursor.fetchall()]
        changes = [change for change in written if change.stage != change.old_stage]
        _record([change for change in changes if _is_news(change, occasion)], now, alias, occasion)
    return len(changes)


def _is_news(change: _Change, occasion: Occasion) -> bool:
    """Not for a stage that goes, nor for the first one, unless it is a sync that brings the first purchase."""
    if not change.old_stage:
        return occasion is Occasion.ORDERS and change.stage not in ("", Stage.PROSPECT)
    return bool(change.stage)


def _record(changes: list[_Change], now: datetime, alias: str, occasion: Occasion) -> None:
    orders: dict[int, tuple[Any, datetime]] = {}
    if by_order := [change.profile_id for change in changes if _may_be_by_order(change, occasion)]:
        with connections[alias].cursor() as cursor:
            cursor.execute(_LAST_ORDERS, [by_order])
            orders = {profile_id: (order_id, placed_at) for profile_id, order_id, placed_at in cursor.fetchall()}
    record([_event(change, _cause(change, orders.get(change.profile_id), occasion), now) for change in changes], alias)


def _may_be_by_order(change: _Change, occasion: Occasion) -> bool:
    return occasion is not Occasion.TIME and change.stage not in {*QUIET, Stage.PROSPECT}


def _event(change: _Change, cause: tuple[str, Any], now: datetime) -> Event:
    day = timedelta(days=1) // timedelta(seconds=1)
    old = change.old_stage or Stage.PROSPECT.value
    cause_name, order_id = cause
    details = {
        "from": old,
        "to": change.stage,
        "since": change.since,
        "cause": cause_name,
        "silence_days": None if change.silence is None else change.silence // day,
        "usual_gap_days": None if change.usual is None else change.usual // day,
        "probability_alive": change.alive,
    }
    return Event(
        profile_id=change.profile_id,
        kind=EventKind.LIFECYCLE_CHANGED,
        happened_at=now,
        # A change is recorded with the new stage or not at all, so nobody can come to the same one twice.
        key=f"lifecycle:{change.profile_id}:{old}:{change.stage}:{now.timestamp():.6f}",
        subject_type=SubjectType.ORDER if order_id else SubjectType.NONE,
        subject_id=str(order_id or ""),
        details={name: value for name, value in details.items() if value is not None},
    )


def _cause(change: _Change, last_order: tuple[Any, datetime] | None, occasion: Occasion) -> tuple[str, Any]:
    """Its name, and the id of the order that it names or None."""
    if change.old_stage in _BY_NUMBER and change.stage in _BY_NUMBER:
        if last_order is None:
            return "settings", None
        is_more = _BY_NUMBER.index(change.stage) > _BY_NUMBER.index(change.old_stage)
        return ("order", last_order[0]) if is_more else ("fewer_purchases", None)
    if last_order is not None:
        order_id, placed_at = last_order
        # PROSPECT begins with the profile, which may be younger than the order.
        since = None if change.old_stage == Stage.PROSPECT else change.old_since
        # What was there when a stage began has not ended it.
        if since is None or placed_at > since or (occasion is Occasion.ORDERS and change.old_stage != Stage.WON_BACK):
            return "order", order_id
    if change.stage == Stage.PROSPECT:
        return "no_purchase_left", None
    if change.old_stage == Stage.WON_BACK and change.stage not in QUIET:
        return "won_back_ended", None
    return "silence" if change.alive is None else "forecast", None
