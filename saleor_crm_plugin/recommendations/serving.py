"""Recommendations as a storefront asks for them: one SQL statement for any list, and for any number of them.

Whatever was learnt, only what the channel sells at this moment is served: the statement joins the stored lists with
Saleor's listings as they are now. A list that runs short is filled up from its category, then with what the channel
sells most of late, then with its newest products, so it is empty only where the shop has nothing (else) to offer. What
a person bought after the model had learnt, and what is in the cart, counts at once. Nothing here raises for a profile,
product, category or channel that does not exist.
"""

from __future__ import annotations

import datetime
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from saleor_crm_plugin.fields import BIGINT_MAX, INTEGER_MAX
from saleor_crm_plugin.recommendations.arranging import (
    NO_POLICY,
    Candidate,
    Policy,
    Source,
    arranged_of,
    placed_by,
    recommended,
)
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.merchandising.candidates_sql import Ruled
from saleor_crm_plugin.recommendations.merchandising.reranking import Placed
from saleor_crm_plugin.recommendations.reasons import ReasonParts, Recommendation
from saleor_crm_plugin.recommendations.serving_sql import Shape, statement
from saleor_crm_plugin.without_jit import read_without_jit

# As many as Saleor gives for one page of a connection.
FIRST_LIMIT: Final = 100
# A list ends here. Nobody looks at the hundredth page, and each product before it has to be found and tested.
OFFSET_LIMIT: Final = 1_000
# A checkout of more products than this is judged by the first of them, and those behind them may be recommended.
BASKET_LIMIT: Final = 200
# At most so many products are kept out of a list by the caller.
EXCLUDED_LIMIT: Final = 200
# No profile's, category's or channel's id, instead of one from a forged global id that is wider than Saleor's (32 bits)
# or ours: whoever is not known has nothing stored.
_NOBODY: Final = 0
# Where rules have taken so much out of a list that it is short, so many times as many candidates are read. A list that
# is short then, because rules exclude nearly everything that it is about, stays so.
READ_AGAIN: Final = 20

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom or what a list is for.

    Attributes:
        profile_id: primary key of a `CustomerProfile`; None for somebody unknown.
        product_ids: what the list is to go with: the product of a page, or those in a cart. None of them is in it.
        session: digest of the visitor's session, for RECENTLY_VIEWED (`tracking.identity`).
        segment_ids: the segments of whoever asks, which merchandising rules may name.
    """

    profile_id: int | None = None
    product_ids: tuple[int, ...] = ()
    session: UUID | None = None
    segment_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Scope:
    """What kind of lists are wanted, and of which products.

    Attributes:
        first: at most this many, and never more than `FIRST_LIMIT`; nothing below 1.
        offset: so many products are left out at the beginning, at most `OFFSET_LIMIT`.
        category_id: products of this category, and of those below it, come first.
        excluded: product ids that must not be in a list, at most `EXCLUDED_LIMIT`.
        only_in_stock: leave out what the channel's warehouses have none of.
        policy: what merchandising wants in the channel.
    """

    channel_id: int
    kind: RecommendationKind = RecommendationKind.FOR_YOU
    first: int = 10
    offset: int = 0
    category_id: int | None = None
    excluded: tuple[int, ...] = ()
    only_in_stock: bool = True
    policy: Policy = NO_POLICY


@dataclass(frozen=True, slots=True)
class Read:
    """
    Attributes:
        candidates: of each list, best first.
        may_be_short: rules may exclude some of them, and there are others that were not read.
    """

    candidates: list[list[Candidate]]
    may_be_short: bool


def serve(
    asked: Sequence[Asked],
    scope: Scope,
    using: str = DEFAULT_DB_ALIAS,
    *,
    now: datetime.datetime | None = None,
) -> list[list[Recommendation]]:
    """A list for each of those who ask, in one statement; in two, where rules leave a list short that could go on.

    Args:
        now: the moment at which the products must be on sale.
    """
    first, offset = min(scope.first, FIRST_LIMIT), min(max(scope.offset, 0), OFFSET_LIMIT)
    if first <= 0 or not asked:
        return [[] for _ in asked]
    policies = scope.policy.for_lists(scope.kind, [one.segment_ids for one in asked])
    placed = placed_lists(asked, scope, policies, first, offset, using, now or timezone.now())
    return [[recommended(one.candidate) for one in some] for some in placed]


def placed_lists(
    asked: Sequence[Asked],
    scope: Scope,
    policies: Sequence[Policy],
    first: int,
    offset: int,
    using: str,
    now: datetime.datetime,
) -> list[list[Placed[Candidate]]]:
    """`serve`, with what had a say in each place.

    Args:
        policies: what merchandising wants of each list.
    """
    head = arranged_of(scope.kind)
    # Without a policy the order is that of the statement, which need not give back what comes before the page.
    skipped = 0 if any(policy.changes_order() for policy in policies) else offset
    wanted = max(policy.candidates_wanted(first, offset, head) for policy in policies)
    read = read_candidates(asked, scope, policies, wanted, skipped, using, now)
    found = _placed(read, policies, first, offset - skipped, head)
    if read.may_be_short and any(len(one) < first for one in found):
        read = read_candidates(asked, scope, policies, READ_AGAIN * wanted, skipped, using, now)
        found = _placed(read, policies, first, offset - skipped, head)
    return found


def _placed(
    read: Read, policies: Sequence[Policy], first: int, offset: int, head: int
) -> list[list[Placed[Candidate]]]:
    return [
        placed_by(some, policy, first, offset, head) for some, policy in zip(read.candidates, policies, strict=True)
    ]


def read_candidates(
    asked: Sequence[Asked],
    scope: Scope,
    policies: Sequence[Policy],
    wanted: int,
    skipped: int,
    using: str,
    now: datetime.datetime,
    *,
    with_excluded: bool = False,
) -> Read:
    """What may stand in each of the lists, best first.

    Args:
        policies: what merchandising wants of each of them.
        wanted: how many for each list.
        skipped: so many at the beginning are not read.
        with_excluded: also what rules exclude, to see that they do.
    """
    profiles = [_possible_profile(one.profile_id) for one in asked]
    baskets = [_possible(one.product_ids)[:BASKET_LIMIT] for one in asked]
    category = scope.category_id
    shape = Shape(
        kind=scope.kind,
        with_people=any(profile != _NOBODY for profile in profiles),
        with_baskets=any(baskets),
        only_baskets=all(baskets),
        in_category=category is not None,
        with_extras=any(policy.asks_for_extras() for policy in policies),
    )
    ruled = Ruled(statement(shape), policies, now, with_excluded=with_excluded)
    values: dict[str, Any] = {
        "profiles": profiles,
        "baskets": ["{" + ",".join(map(str, basket)) + "}" for basket in baskets],
        "sessions": [one.session for one in asked],
        "excluded": [*_possible(scope.excluded)[:EXCLUDED_LIMIT], *ruled.excluded],
        "channel": scope.channel_id if 0 < scope.channel_id <= INTEGER_MAX else _NOBODY,
        "category": category if category is not None and 0 < category <= INTEGER_MAX else _NOBODY,
        "wanted": wanted,
        "skip": skipped,
        "now": now,
        "in_stock": scope.only_in_stock,
        **ruled.values,
    }
    lists: list[list[Candidate]] = [[] for _ in asked]
    rows = read_without_jit(ruled.sql, values, using)
    for number, product_id, score, source, category_id, *rest in rows:
        categories, collections, attribute_values, brand_ids, is_new, *reason = rest
        candidate = Candidate(
            product_id,
            score,
            Source(source),
            category_id,
            ReasonParts(*reason),
            ruled.rule_ids_of(product_id, categories or (), collections or (), attribute_values or ()),
            frozenset(brand_ids or ()),
            is_new,
        )
        lists[number - 1].append(candidate)
    more = any(sum(not one.is_extra for one in some) >= wanted for some in lists)
    return Read(lists, may_be_short=more and not ruled.is_complete)


def _possible(product_ids: Iterable[int]) -> list[int]:
    return [product_id for product_id in dict.fromkeys(product_ids) if 0 < product_id <= INTEGER_MAX]


def _possible_profile(profile_id: int | None) -> int:
    return profile_id if profile_id is not None and 0 < profile_id <= BIGINT_MAX else _NOBODY
