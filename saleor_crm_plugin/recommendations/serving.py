"""Recommendations as a storefront asks for them: one SQL statement for any list.

Whatever was learnt, only what the channel sells at this moment is served: the statement joins the stored lists with
Saleor's listings as they are now. A list that runs short is filled up with what the channel sells most of late, then
with its newest products, so it is empty only where the shop has nothing (else) to offer. Nothing here raises for a
profile, product or channel that does not exist.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from saleor_crm_plugin.recommendations import serving_sql
from saleor_crm_plugin.recommendations.reasons import Recommendation, reason_of

# As many as Saleor gives for one page of a connection.
FIRST_LIMIT = 100
# A checkout of more products than this is judged by the first of them.
BASKET_LIMIT = 200
# At most so many products are kept out of a list: a basket's, or those that a customer bought (`bought_limit`).
EXCLUDED_LIMIT = 200
# Saleor's product ids are 32-bit; a larger one, from a forged global id, is nobody's.
_LARGEST_ID = 2**31 - 1


class RecommendationKind(StrEnum):
    FOR_YOU = "for_you"
    BUY_AGAIN = "buy_again"
    DISCOVER = "discover"
    FREQUENTLY_BOUGHT_TOGETHER = "frequently_bought_together"
    SIMILAR = "similar"
    BESTSELLERS = "bestsellers"


PRODUCT_KINDS = frozenset({RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER, RecommendationKind.SIMILAR})


def for_customer(
    profile_id: int | None,
    channel_id: int,
    first: int,
    kind: RecommendationKind = RecommendationKind.FOR_YOU,
    using: str = DEFAULT_DB_ALIAS,
    *,
    now: datetime.datetime | None = None,
) -> list[Recommendation]:
    """What a person may want next; for an unknown or anonymous one, what the channel sells most.

    `FOR_YOU` mixes products bought before and new ones, `BUY_AGAIN` starts with those bought before, `DISCOVER` leaves
    them out. Any other kind is answered with the bestsellers.

    Args:
        profile_id: primary key of a `CustomerProfile`, or None.
        first: at most this many, and never more than `FIRST_LIMIT`; nothing below 1.
        now: the moment at which the products must be on sale.
    """
    select = serving_sql.for_customer(kind.value)
    return _run(select, {"profile": profile_id}, channel_id, first, using, now).get(0, [])


def for_products(
    product_ids: Sequence[int],
    kind: RecommendationKind,
    channel_id: int,
    first: int,
    using: str = DEFAULT_DB_ALIAS,
    *,
    now: datetime.datetime | None = None,
) -> dict[int, list[Recommendation]]:
    """A list for each of many products, in one statement: what goes with it, or what could take its place.

    Args:
        product_ids: any number, in any order; each is a key of the answer.
        kind: `FREQUENTLY_BOUGHT_TOGETHER` or `SIMILAR`; any other is answered with the bestsellers.
    """
    asked = _possible(product_ids)
    select = serving_sql.for_products(kind.value)
    found = _run(select, {"products": asked}, channel_id, first, using, now) if asked else {}
    return {product_id: found.get(product_id, []) for product_id in product_ids}


def for_basket(
    product_ids: Sequence[int],
    channel_id: int,
    first: int,
    using: str = DEFAULT_DB_ALIAS,
    *,
    kind: RecommendationKind = RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER,
    now: datetime.datetime | None = None,
) -> list[Recommendation]:
    """What goes with these products taken together, for example with a checkout. None of them is in the answer."""
    asked = _possible(product_ids)[:BASKET_LIMIT]
    return _run(serving_sql.for_basket(kind.value), {"products": asked}, channel_id, first, using, now).get(0, [])


def _possible(product_ids: Sequence[int]) -> list[int]:
    return [product_id for product_id in dict.fromkeys(product_ids) if 0 < product_id <= _LARGEST_ID]


def _run(
    sql: str,
    parameters: dict[str, Any],
    channel_id: int,
    first: int,
    using: str,
    now: datetime.datetime | None,
) -> dict[int, list[Recommendation]]:
    if first <= 0:
        return {}
    wanted = min(first, FIRST_LIMIT)
    values = {
        **parameters,
        "channel": channel_id,
        "first": wanted,
        # More than those that are in the list already, or must not be.
        "newest": 2 * wanted + EXCLUDED_LIMIT,
        "now": now or timezone.now(),
    }
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    lists: dict[int, list[Recommendation]] = {}
    for asked, product_id, score, reason_kind, reason_value, reason_product_id, reason_name in rows:
        reason = reason_of(reason_kind, reason_value, reason_product_id, reason_name)
        lists.setdefault(asked, []).append(Recommendation(product_id=product_id, score=score, reason=reason))
    return lists
