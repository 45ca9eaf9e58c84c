"""The statement behind `serving`: who asks, what the list is about, what is on sale, and what fills the rest.

One statement answers one or many lists of a kind. It is put together from stages: each gives candidates to those lists
that are still short, and what it gave is kept out of the next. Candidates are put in order first and tested one by one
after that, until there are enough: `OFFSET 0` keeps the planner from testing them all.

Parameters: `profiles` and `baskets` (arrays of the same length: for each list a profile id, 0 for nobody, and product
ids as an array literal), `sessions` (likewise, for RECENTLY_VIEWED: digests or null), `excluded` (product ids),
`channel`, `category` (where `Shape.in_category`), `wanted` (products for each list), `skip` (so many of them are not
read back), `now`, `in_stock`. Lists are numbered from 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from saleor_crm_plugin.recommendations import serving_fills as fills
from saleor_crm_plugin.recommendations import serving_sources as sources
from saleor_crm_plugin.recommendations.arranging import Source
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.models import ModelStatus, PopularProducts, ReasonKind
from saleor_crm_plugin.recommendations.reasons import Served
from saleor_crm_plugin.recommendations.serving_content import CONTENT
from saleor_crm_plugin.recommendations.serving_sold import PLACE, SUBTREE, shown, sold, within_category
from saleor_crm_plugin.recommendations.tracking.viewed import viewed_source

Kind = RecommendationKind
_BESTSELLERS: Final = PopularProducts.Kind.BESTSELLERS
_TRENDING: Final = PopularProducts.Kind.TRENDING

# Orders since the training that count at once, the newest first, and products in them.
RECENT_ORDERS_LIMIT: Final = 20
RECENT_PRODUCTS_LIMIT: Final = 100


# Where `merchandising.candidates_sql` puts what rules say. As these stand here, there are none.
NO_RULES: Final = "/* what rules name */"
NO_EXTRAS: Final = "/* extras */"
NO_FACTS: Final = "NULL, NULL, NULL, NULL, FALSE /* facts */"
# Extras that a list can draw upon: more than it can hold.
EXTRAS_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Shape:
    """What a statement has to provide for. PostgreSQL plans it anew each time, so what is not asked for is left out.

    Attributes:
        with_people: some list is for a known person.
        with_baskets: some list is to go with products.
        only_baskets: every list is.
        in_category: the products of one category come first.
        with_extras: products may be asked for that no list holds.
    """

    kind: RecommendationKind
    with_people: bool
    with_baskets: bool
    only_baskets: bool
    in_category: bool
    with_extras: bool = False


@dataclass(frozen=True, slots=True)
class _Stage:
    """A query for candidates of `asked`.

    Attributes:
        shared: CTEs that the query reads, of products that are known to be on sale, with `category_id`. They are made
            once for any number of lists.
        in_category: only products of the category.
        categories: only products that stand in one of these by now, an SQL array. Not with `shared`.
    """

    source: Source
    rows: str
    shared: str = ""
    in_category: bool = False
    categories: str = ""


@cache
def statement(shape: Shape) -> str:
    """Rows: number of the list, product id, score, `Source`, category id, five facts for merchandising (see
    `merchandising.candidates_sql`), and what `ReasonParts` takes; in order.
    """
    parts = [_given(shape)]
    asked = "asked"
    stages = _stages(shape)
    for number, stage in enumerate(stages, start=1):
        name = f"stage_{number}"
        parts.append(stage.shared.format(asked=asked))
        parts.append(_found(name, asked, stage))
        if number < len(stages):
            parts.append(_short(f"short_{number}", asked, name))
            asked = f"short_{number}"
    if shape.with_extras:
        # For every list, whether or not it is short.
        extra = _Stage(Source.EXTRA, "SELECT * FROM extra", shared=f"extra AS MATERIALIZED ({NO_EXTRAS}),")
        stages = [*stages, extra]
        parts += [extra.shared, _found(f"stage_{len(stages)}", "asked", extra, str(EXTRAS_LIMIT))]
    return "".join(parts) + _page(stages)


# An order that staff have yet to confirm is no purchase, but whoever placed it looks for something else. No training
# has seen it, however long ago it was placed.
_AWAITED: Final = """EXISTS (
                SELECT FROM order_order awaited WHERE awaited.id = placed.order_id AND awaited.status = 'unconfirmed'
            )"""
_RECENT: Final = f"""
recent AS MATERIALIZED (
    SELECT given.asked, bought.*
    FROM given CROSS JOIN LATERAL (
        SELECT variant.product_id, max(placed.placed_at) AS placed_at, count(DISTINCT placed.order_id) AS orders
        FROM (
            SELECT placed.order_id, placed.placed_at FROM crm_profile_order placed
            WHERE placed.profile_id = given.profile AND (
                placed.counts AND placed.placed_at > COALESCE((SELECT data_until FROM model), '-infinity')
                OR NOT placed.counts AND {_AWAITED}
            )
            ORDER BY placed.placed_at DESC LIMIT {RECENT_ORDERS_LIMIT}
        ) placed
        JOIN order_orderline line ON line.order_id = placed.order_id
        JOIN product_productvariant variant ON variant.id = line.variant_id
        WHERE line.quantity > 0 AND NOT line.is_gift
        GROUP BY variant.product_id
        ORDER BY 2 DESC, 1 LIMIT {RECENT_PRODUCTS_LIMIT}
    ) bought
    WHERE given.profile <> 0
),
"""  # nosec B608  # constants only; values are parameters

# What is below a category counts as in it.
_SUBTREE_ROWS: Final = """
subtree AS MATERIALIZED (
    WITH RECURSIVE below (id) AS (
        SELECT %(category)s::int
        UNION
        SELECT category.id FROM product_category category JOIN below ON category.parent_id = below.id
    )
    SELECT id FROM below
),
"""


def _given(shape: Shape) -> str:
    kept_out = f"|| ARRAY({sources.bought_before()})" if shape.kind is Kind.DISCOVER and shape.with_people else ""
    with_sessions = shape.kind is Kind.RECENTLY_VIEWED
    more_given, more_names = (", %(sessions)s::uuid[]", ", session") if with_sessions else ("", "")
    # PostgreSQL has no arrays of arrays of different lengths, so each basket comes as text.
    return f"""
WITH {NO_RULES}
model AS MATERIALIZED (
    SELECT id, data_until, COALESCE((parameters ->> 'basket_own')::float8, 1) AS own_weight
    FROM crm_recommendation_model WHERE status = '{ModelStatus.PUBLISHED.value}'
),
given AS MATERIALIZED (
    SELECT asked, profile, basket::bigint[] AS basket{more_names}
    FROM unnest(%(profiles)s::bigint[], %(baskets)s::text[]{more_given}) WITH ORDINALITY
        AS given (profile, basket{more_names}, asked)
),
{PLACE}
{_RECENT if shape.with_people and shape.kind in _PERSONAL_KINDS else ""}
{_SUBTREE_ROWS if shape.in_category else ""}
asked AS MATERIALIZED (
    SELECT asked.*, asked.basket || %(excluded)s::bigint[] {kept_out} AS excluded, %(wanted)s::bigint AS missing
    FROM given asked
),
"""  # nosec B608  # constants only; values are parameters


def _found(name: str, asked: str, stage: _Stage, limit: str = "asked.missing") -> str:
    in_order = "ORDER BY position, product_id OFFSET 0"
    ordered = f"SELECT * FROM ({stage.rows}) unordered {in_order}"  # nosec B608  # as below
    if stage.in_category:
        # Few may stand in it, and to see that costs a fifth of seeing whether one is sold.
        ordered = f"SELECT found.* FROM ({ordered}) found {within_category('found.product_id')} {in_order}"  # nosec B608  # as below
    columns, test = "candidate.*, sale.category_id", sold("candidate.product_id")
    standing = f"AND sale.category_id = ANY ({stage.categories})" if stage.categories else ""
    if stage.shared:
        columns, test = "candidate.*", ""
    return f"""
{name} AS MATERIALIZED (
    SELECT asked.asked, best.*
    FROM {asked} asked CROSS JOIN LATERAL (
        SELECT {columns}
        FROM ({ordered}) candidate
        {test}
        WHERE candidate.product_id <> ALL (asked.excluded) {standing}
        ORDER BY candidate.position, candidate.product_id LIMIT {limit}
    ) best
),
"""  # nosec B608  # constants only; values are parameters


def _short(name: str, asked: str, found: str) -> str:
    """The lists that are short of products yet."""
    return f"""
{name} AS MATERIALIZED (
    SELECT asked.asked, asked.profile, asked.basket,
        asked.excluded || COALESCE(array_agg(found.product_id) FILTER (WHERE found.product_id IS NOT NULL), '{{}}')
            AS excluded,
        asked.missing - count(found.product_id) AS missing
    FROM {asked} asked LEFT JOIN {found} found ON found.asked = asked.asked
    GROUP BY asked.asked, asked.profile, asked.basket, asked.excluded, asked.missing
    HAVING count(found.product_id) < asked.missing
),
"""  # nosec B608  # constants only; values are parameters


def _page(stages: list[_Stage]) -> str:
    answers = " UNION ALL ".join(
        f"SELECT *, {stage.source.value} AS source FROM stage_{number}"  # nosec B608  # constants and numbers only
        for number, stage in enumerate(stages, start=1)
    )
    return f"""
page AS MATERIALIZED (
    SELECT answer.*, row_number() OVER (PARTITION BY asked ORDER BY source, position, product_id) AS place
    FROM ({answers}) answer
),
reason AS MATERIALIZED (
    SELECT shown.*
    FROM (
        SELECT DISTINCT reason_product_id AS id FROM page WHERE place > %(skip)s AND reason_product_id IS NOT NULL
    ) named
    CROSS JOIN LATERAL (
        SELECT product.id, product.name FROM product_product product
        WHERE product.id = named.id AND {shown("product.id")}
        LIMIT 1
    ) shown
)
SELECT page.asked, page.product_id, page.score, page.source, page.category_id, {NO_FACTS},
    page.reason_kind, page.reason_value, reason.id, reason.name, page.rhythm_days, page.expected_at, page.is_due
FROM page LEFT JOIN reason ON reason.id = page.reason_product_id
WHERE page.place > %(skip)s
ORDER BY page.asked, page.place
"""  # nosec B608  # constants only; values are parameters


_PERSONAL_KINDS: Final = {Kind.FOR_YOU, Kind.BUY_AGAIN, Kind.DISCOVER}


def _stages(shape: Shape) -> list[_Stage]:
    stages = [_about(shape)]
    if shape.kind is Kind.SIMILAR and shape.with_baskets:
        stages.append(_Stage(Source.CONTENT, CONTENT, in_category=shape.in_category))
    if shape.in_category:
        stages += [
            # As of the training; by now some may stand elsewhere.
            _Stage(Source.CATEGORY, _bestsellers_of(SUBTREE), in_category=True),
            _Stage(Source.CATEGORY_NEWEST, fills.NEWEST_OF_CATEGORY),
        ]
    elif shape.with_baskets:
        # Here, too. `sold` reads where they stand, so this costs nothing.
        bestsellers = _bestsellers_of(_CATEGORIES_OF_BASKET)
        stages.append(_Stage(Source.CATEGORY, bestsellers, categories=_CATEGORIES_OF_BASKET))
    return [
        *stages,
        _Stage(Source.CHANNEL, "SELECT * FROM bestsellers", shared=fills.CHANNEL_BESTSELLERS),
        _Stage(Source.NEWEST, "SELECT * FROM newest", shared=fills.NEWEST),
    ]


def _about(shape: Shape) -> _Stage:
    """What the kind is about. Where there is nothing to go on, nothing, and the rest is filled up."""
    source = _SOURCES[shape.kind](shape)
    if isinstance(source, _Stage):
        return source
    return _Stage(Source.LEARNT, source, in_category=shape.in_category)


def _personal(shape: Shape, wanted: str) -> str:
    if not shape.with_people:
        return sources.goes_with_basket() if shape.with_baskets else sources.NOTHING
    if not shape.with_baskets:
        return sources.for_person(wanted)
    if shape.only_baskets:
        return sources.for_person_with_basket(wanted)
    # Of the two only one is run for a list, with or without a basket.
    return f"""
SELECT * FROM ({sources.for_person(wanted)}) alone WHERE cardinality(asked.basket) = 0
UNION ALL
SELECT * FROM ({sources.for_person_with_basket(wanted)}) together WHERE cardinality(asked.basket) > 0
"""  # nosec B608  # constants only; values are parameters


def _of_basket(rows: Callable[[], str]) -> Callable[[Shape], str]:
    return lambda shape: rows() if shape.with_baskets else sources.NOTHING


def _popular(kind: PopularProducts.Kind, in_channel: int, in_category: int) -> Callable[[Shape], str]:
    def rows(shape: Shape) -> str:
        return (
            sources.popular(kind, in_category, SUBTREE)
            if shape.in_category
            else sources.popular(kind, in_channel, None)
        )

    return rows


def _arrivals(shape: Shape) -> _Stage:
    return _Stage(Source.LEARNT, "SELECT * FROM arrivals", shared=fills.arrivals(shape.in_category))


def _viewed() -> str:
    return f"""
SELECT product_id, {sources.without_knowledge(Served.VIEWED)}, position
FROM ({viewed_source("asked.profile", "asked.session")}) viewed
"""  # nosec B608  # constants only; values are parameters


_SOURCES: Final[dict[RecommendationKind, Callable[[Shape], str | _Stage]]] = {
    Kind.FOR_YOU: lambda shape: _personal(shape, "true"),
    Kind.BUY_AGAIN: lambda shape: sources.bought_again() if shape.with_people else sources.NOTHING,
    Kind.DISCOVER: lambda shape: _personal(shape, sources.DISCOVERED),
    Kind.FREQUENTLY_BOUGHT_TOGETHER: _of_basket(sources.goes_with_basket),
    Kind.SIMILAR: _of_basket(sources.similar_to_basket),
    Kind.BESTSELLERS: _popular(_BESTSELLERS, ReasonKind.POPULAR, Served.POPULAR_IN_CATEGORY),
    Kind.TRENDING: _popular(_TRENDING, Served.TRENDING, Served.TRENDING),
    Kind.NEW_ARRIVALS: _arrivals,
    Kind.RECENTLY_VIEWED: lambda shape: _viewed(),
}

_CATEGORIES_OF_BASKET: Final = """
ARRAY(SELECT product.category_id FROM product_product product WHERE product.id = ANY (asked.basket))
"""


def _bestsellers_of(categories: str) -> str:
    return sources.popular(_BESTSELLERS, Served.POPULAR_IN_CATEGORY, categories)
