"""What each kind of list is about, as SQL: candidates for one row of `asked`, which is in reach as `asked`.

Each source has the columns of `COLUMNS`. `position` puts a list in order, the smallest first. `score` can be compared
among the candidates of one source.
"""

from __future__ import annotations

from typing import Final

from saleor_crm_plugin.recommendations.models import WHOLE_CHANNEL, PopularProducts, ProductAffinity, ReasonKind
from saleor_crm_plugin.recommendations.reasons import Served

_REASON: Final = "reason_kind, reason_value, reason_product_id, rhythm_days, expected_at, is_due"
COLUMNS: Final = f"product_id, score, {_REASON}, position"
_NO_TIMING: Final = "NULL::real AS rhythm_days, NULL::timestamptz AS expected_at, false AS is_due"

MODEL: Final = "(SELECT id FROM model)"
_BOUGHT_BEFORE: Final = ReasonKind.BOUGHT_BEFORE.value
# Behind everything that a list can hold; twice and three times as far for what comes even later.
_BEHIND: Final = 100_000
# Every so manieth place of FOR_YOU and DISCOVER is for what goes with purchases that the model has not seen yet. Not
# measured: such purchases are a day's at most. The next training gives what goes with them the place that is right.
_JUST_BOUGHT_EVERY: Final = 4
# "Due about now": from a fifth of the rhythm (two days at least) before the expected date until a rhythm after it. An
# overdue purchase is still one to remind of; who is overdue by a whole rhythm has found it elsewhere.
_EARLY: Final = "GREATEST(interval '2 days', {rhythm} / 5)"
_LATE: Final = "GREATEST(interval '2 days', {rhythm})"
# Days outside of this are a learner's mistake, and beyond what a date can hold.
_LONGEST_DAYS: Final = 36_500

NOTHING: Final = f"""
SELECT NULL::int AS product_id, 0::float8 AS score, 0 AS reason_kind, NULL::float8 AS reason_value,
    NULL::int AS reason_product_id, {_NO_TIMING}, 0::float8 AS position
WHERE false
"""


def _interval(days: str, least: int) -> str:
    """Null for what is not known, not a number or out of range."""
    return f"CASE WHEN {days} BETWEEN {least} AND {_LONGEST_DAYS} THEN {days} * interval '1 day' END"


# A person's stored list with what is known about the last minutes, in `recent`:
# `too_early`: it is not time yet; `just_bought`: bought since the training, and not due again.
_PERSONAL: Final = f"""
SELECT entry.*, timing.expected_at,
    COALESCE(
        timing.expected_at BETWEEN %(now)s - {_LATE.format(rhythm="timing.rhythm")}
            AND %(now)s + {_EARLY.format(rhythm="timing.rhythm")},
        false
    ) AS is_due,
    timing.too_early,
    recent.product_id IS NOT NULL AND (timing.expected_at IS NULL OR timing.too_early) AS just_bought
FROM crm_personal_recommendations list
CROSS JOIN unnest(
    list.product_ids, list.scores, list.reason_kinds, list.reason_values, list.reason_product_ids, list.amounts,
    list.rhythm_days, list.due_days
) WITH ORDINALITY
    AS entry (
        product_id, score, reason_kind, reason_value, reason_product_id, amount, rhythm_days, due_days, position
    )
LEFT JOIN recent ON recent.asked = asked.asked AND recent.product_id = entry.product_id
CROSS JOIN LATERAL (
    SELECT {_interval("entry.rhythm_days", 0)} AS rhythm, {_interval("entry.due_days", -_LONGEST_DAYS)} AS due
) known
CROSS JOIN LATERAL (
    SELECT known.rhythm, CASE WHEN recent.product_id IS NULL THEN (SELECT data_until FROM model) + known.due
        ELSE recent.placed_at + known.rhythm END AS expected_at
) expected
CROSS JOIN LATERAL (
    SELECT expected.rhythm, expected.expected_at,
        COALESCE(expected.expected_at > %(now)s + {_EARLY.format(rhythm="expected.rhythm")}, false) AS too_early
) timing
WHERE list.model_id = {MODEL} AND list.profile_id = asked.profile
"""  # nosec B608  # constants only; values are parameters

# Candidates with several contributions: what they add up to, with the strongest one as the reason. Below 0 stands what
# is bought instead.
_SUMMED: Final = """
SELECT product_id, score, {reason}, row_number() OVER (ORDER BY score DESC, product_id)::float8 AS position
FROM (
    SELECT DISTINCT ON (product_id) product_id, sum(score) OVER contributions AS score, {reason}
    FROM ({rows}) contribution
    WINDOW contributions AS (
        PARTITION BY product_id ORDER BY score DESC, reason_product_id, reason_kind
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
    ORDER BY product_id, contribution.score DESC, reason_product_id, reason_kind
) best
WHERE score >= 0
"""


def _summed(rows: str) -> str:
    return _SUMMED.format(reason=_REASON, rows=rows)


def _related(kind: ProductAffinity.Kind, reason: int, products: str) -> str:
    """What is stored as related to the products of an array."""
    return f"""
SELECT entry.product_id, entry.score, {reason} AS reason_kind, entry.confidence AS reason_value,
    list.product_id AS reason_product_id, {_NO_TIMING}
FROM crm_product_affinity list,
    unnest(list.related_ids, list.scores, list.confidences) AS entry (product_id, score, confidence)
WHERE list.model_id = {MODEL} AND list.kind = '{kind.value}' AND list.product_id = ANY ({products})
"""  # nosec B608  # constants only; values are parameters


# Of a person's discoveries beside what goes with a basket: they only fill up behind it.
_NEW_WEIGHT: Final = 0.01
_TOGETHER: Final = ProductAffinity.Kind.BOUGHT_TOGETHER
_JUST_BOUGHT: Final = "ARRAY(SELECT product_id FROM recent WHERE recent.asked = asked.asked)"


def goes_with_basket() -> str:
    return _summed(_related(_TOGETHER, Served.GOES_WITH, "asked.basket"))


def similar_to_basket() -> str:
    return _summed(_related(ProductAffinity.Kind.SIMILAR, ReasonKind.SIMILAR, "asked.basket"))


def for_person(wanted: str = "true") -> str:
    """The stored list, with what goes with purchases of the last minutes at every few places; they themselves last."""
    just_bought = _summed(_related(_TOGETHER, Served.JUST_BOUGHT, _JUST_BOUGHT))
    return f"""
SELECT DISTINCT ON (product_id) {COLUMNS}
FROM (
    SELECT product_id, score, {_REASON},
        row_number() OVER (ORDER BY just_bought, position) + CASE WHEN just_bought THEN {_BEHIND} ELSE 0 END AS position
    FROM ({_PERSONAL}) personal WHERE {wanted}
    UNION ALL
    SELECT product_id, score, {_REASON}, position * ({_JUST_BOUGHT_EVERY} - 1) + 0.5
    FROM ({just_bought}) related WHERE product_id <> ALL ({_JUST_BOUGHT})
) mixed
ORDER BY product_id, position
"""  # nosec B608  # constants only; values are parameters


def for_person_with_basket(wanted: str = "true") -> str:
    """What goes with the basket, and the person's own list, added up with the weight that completed the shop's own
    baskets best (`learning.completion`). What the person never bought stands behind: the basket knows better. Where
    the own list weighs nothing it is left out, as it would take the place of bestsellers.
    """
    return _summed(f"""
    SELECT product_id,
        CASE WHEN reason_kind = {_BOUGHT_BEFORE} THEN COALESCE(amount, score) ELSE score * {_NEW_WEIGHT} END
            * (SELECT own_weight FROM model) AS score,
        {_REASON}
    FROM ({_PERSONAL}) personal WHERE {wanted} AND NOT just_bought AND (SELECT own_weight FROM model) <> 0
    UNION ALL
    {_related(_TOGETHER, Served.GOES_WITH, "asked.basket")}
""")  # nosec B608  # constants only; values are parameters


def bought_again() -> str:
    """What was bought before: due or not known when, then what is expected later, then what was just bought."""
    return f"""
SELECT product_id, score, {_REASON},
    position + CASE WHEN just_bought THEN 2 * {_BEHIND} WHEN too_early THEN {_BEHIND} ELSE 0 END AS position
FROM ({_PERSONAL}) personal WHERE reason_kind = {_BOUGHT_BEFORE}
UNION ALL
SELECT recent.product_id, 0, {_BOUGHT_BEFORE}, recent.orders, recent.product_id, {_NO_TIMING},
    3 * {_BEHIND} + row_number() OVER (ORDER BY recent.placed_at DESC, recent.product_id)
FROM recent
WHERE recent.asked = asked.asked AND NOT EXISTS (
    SELECT FROM ({_PERSONAL}) personal
    WHERE personal.reason_kind = {_BOUGHT_BEFORE} AND personal.product_id = recent.product_id
)
"""  # nosec B608  # constants only; values are parameters


def bought_before() -> str:
    """Product ids: what a person bought, of what the model knows (the strongest) and since then."""
    return f"""
SELECT product_id FROM ({_PERSONAL}) personal WHERE reason_kind = {_BOUGHT_BEFORE}
UNION ALL SELECT product_id FROM recent WHERE recent.asked = asked.asked
"""  # nosec B608  # constants only; values are parameters


DISCOVERED: Final = f"reason_kind <> {_BOUGHT_BEFORE}"


def popular(kind: PopularProducts.Kind, reason: int, categories: str | None) -> str:
    """Bestsellers or trends of the channel, or of the categories of an array taken together."""
    place = f"= {WHOLE_CHANNEL}" if categories is None else f"= ANY ({categories})"
    value = "entry.score" if kind is PopularProducts.Kind.TRENDING else "NULL::float8"
    return f"""
SELECT entry.product_id, entry.score, {reason} AS reason_kind, {value} AS reason_value,
    NULL::int AS reason_product_id, {_NO_TIMING},
    row_number() OVER (ORDER BY entry.score DESC, entry.place, entry.product_id)::float8 AS position
FROM crm_popular_products list,
    unnest(list.product_ids, list.scores) WITH ORDINALITY AS entry (product_id, score, place)
WHERE list.model_id = {MODEL} AND list.kind = '{kind.value}' AND list.channel_id = %(channel)s
    AND list.category_id {place}
"""  # nosec B608  # constants only; values are parameters


def without_knowledge(reason: int | str) -> str:
    """The columns between `product_id` and `position` for a product about which nothing was learnt.

    Args:
        reason: a value of `ReasonKind` or `Served`, or the column that has it.
    """
    return (
        f"0::float8 AS score, {reason} AS reason_kind, NULL::float8 AS reason_value, NULL::int AS reason_product_id, "
        f"{_NO_TIMING}"
    )
