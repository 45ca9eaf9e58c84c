"""Recommendations as a storefront asks for them: one SQL statement for any list, and for any number of them.

Whatever was learnt, only what the channel sells at this moment is served: the statement joins the stored lists with
Saleor's listings as they are now. A list that runs short is filled up with what the channel sells most of late, then
with its newest products, so it is empty only where the shop has nothing (else) to offer. Nothing here raises for a
profile, product or channel that does not exist.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.utils import timezone

from saleor_crm_plugin.recommendations import serving_sql
from saleor_crm_plugin.recommendations.arranging import NO_POLICY, Candidate, Policy, Source, arrange
from saleor_crm_plugin.recommendations.merchandising.candidates_sql import with_policies
from saleor_crm_plugin.recommendations.reasons import ReasonParts, Recommendation

# As many as Saleor gives for one page of a connection.
FIRST_LIMIT = 100
# A checkout of more products than this is judged by the first of them.
BASKET_LIMIT = 200
# At most so many products are kept out of a list: a basket's, or those that a customer bought (`bought_limit`).
EXCLUDED_LIMIT = 200
# Saleor's product ids are 32-bit; a larger one, from a forged global id, is nobody's.
_LARGEST_PRODUCT_ID = 2**31 - 1
_LARGEST_PROFILE_ID = 2**63 - 1
# No profile's id: whoever is not known has nothing stored.
_NOBODY = 0

Key = TypeVar("Key", bound=Hashable)


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
    return for_customers([profile_id], channel_id, first, kind, using, now=now)[profile_id]


def for_customers(
    profile_ids: Iterable[int | None],
    channel_id: int,
    first: int,
    kind: RecommendationKind = RecommendationKind.FOR_YOU,
    using: str = DEFAULT_DB_ALIAS,
    *,
    now: datetime.datetime | None = None,
    policy: Policy = NO_POLICY,
    segment_ids: Mapping[int | None, Collection[int]] | None = None,
) -> dict[int | None, list[Recommendation]]:
    """`for_customer` for each of many, in one statement.

    Args:
        profile_ids: any number, in any order; each is a key of the answer.
        policy: what the channel's merchandising wants.
        segment_ids: the segments that each of them is in, which rules ask for.
    """
    asked = {profile_id: _possible_profile(profile_id) for profile_id in profile_ids}
    in_segments = {asked[profile_id]: ids for profile_id, ids in (segment_ids or {}).items() if profile_id in asked}
    policies = {number: policy.for_list(kind.value, in_segments.get(number, ())) for number in asked.values()}
    numbers = list(policies)
    found = _run(serving_sql.for_customers(kind.value), numbers, channel_id, first, using, now, policies)
    return {profile_id: found.get(number, []) for profile_id, number in asked.items()}


def for_products(
    product_ids: Sequence[int],
    kind: RecommendationKind,
    channel_id: int,
    first: int,
    using: str = DEFAULT_DB_ALIAS,
    *,
    now: datetime.datetime | None = None,
    policy: Policy = NO_POLICY,
    segment_ids: Collection[int] = (),
) -> dict[int, list[Recommendation]]:
    """A list for each of many products, in one statement: what goes with it, or what could take its place.

    Args:
        product_ids: any number, in any order; each is a key of the answer.
        kind: `FREQUENTLY_BOUGHT_TOGETHER` or `SIMILAR`; any other is answered with the bestsellers.
        policy: what the channel's merchandising wants.
        segment_ids: the segments of whoever asks.
    """
    policies = dict.fromkeys(_possible(product_ids), policy.for_list(kind.value, segment_ids))
    found = _run(serving_sql.for_products(kind.value), list(policies), channel_id, first, using, now, policies)
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
    return for_baskets({None: product_ids}, channel_id, first, using, kind=kind, now=now)[None]


def for_baskets(
    baskets: Mapping[Key, Sequence[int]],
    channel_id: int,
    first: int,
    using: str = DEFAULT_DB_ALIAS,
    *,
    kind: RecommendationKind = RecommendationKind.FREQUENTLY_BOUGHT_TOGETHER,
    now: datetime.datetime | None = None,
    policy: Policy = NO_POLICY,
    segment_ids: Collection[int] = (),
) -> dict[Key, list[Recommendation]]:
    """`for_basket` for each of many, in one statement.

    Args:
        baskets: product ids by whatever tells the baskets apart; the same keys are those of the answer.
    """
    asked = [_array_literal(_possible(product_ids)[:BASKET_LIMIT]) for product_ids in baskets.values()]
    policies = dict.fromkeys(range(1, len(asked) + 1), policy.for_list(kind.value, segment_ids))
    found = _run(serving_sql.for_baskets(kind.value), asked, channel_id, first, using, now, policies)
    return {key: found.get(number, []) for number, key in enumerate(baskets, start=1)}


def _possible(product_ids: Sequence[int]) -> list[int]:
    return [product_id for product_id in dict.fromkeys(product_ids) if 0 < product_id <= _LARGEST_PRODUCT_ID]


def _possible_profile(profile_id: int | None) -> int:
    return profile_id if profile_id is not None and 0 < profile_id <= _LARGEST_PROFILE_ID else _NOBODY


def _array_literal(ids: Sequence[int]) -> str:
    return "{" + ",".join(map(str, ids)) + "}"


def _run(
    sql: str,
    asked: Sequence[int] | Sequence[str],
    channel_id: int,
    first: int,
    using: str,
    now: datetime.datetime | None,
    policies: Mapping[int, Policy],
) -> dict[int, list[Recommendation]]:
    """The lists by the numbers that the statement gives them, each with its own policy."""
    if first <= 0 or not asked:
        return {}
    wanted = min(first, FIRST_LIMIT)
    now = now or timezone.now()
    several = list(dict.fromkeys(policies.values()))
    read = max(policy.candidates_wanted(wanted, 0) for policy in several)
    sql, of_rules = with_policies(sql, several, now)
    values: dict[str, Any] = {
        "asked": asked,
        "channel": channel_id,
        "first": read,
        # More than those that are in the list already, or must not be.
        "newest": 2 * read + EXCLUDED_LIMIT,
        "now": now,
        **of_rules,
    }
    with connections[using].cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    lists: dict[int, list[Candidate]] = {}
    for number, product_id, score, source, category_id, rule_ids, brand_ids, is_new, *reason in rows:
        candidate = Candidate(
            product_id,
            score,
            Source(source),
            category_id,
            ReasonParts(*reason),
            frozenset(rule_ids or ()),
            frozenset(brand_ids or ()),
            is_new,
        )
        lists.setdefault(number, []).append(candidate)
    return {number: arrange(candidates, policies[number], wanted) for number, candidates in lists.items()}
