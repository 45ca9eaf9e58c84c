"""The SQL behind `serving`: who asks, what was learnt, what is on sale, and what fills the rest.

Each statement answers one or many lists ("asked", a number for each) with the columns of `serving._run`. Parameters:
`asked` (an array, see below), `channel`, `first`, `now`, `newest` (so many of the newest products suffice for a list).
Saleor's tables are read by name, because this domain does not import Saleor; a test holds the names against the facts
of every supported version.
"""

from __future__ import annotations

from functools import cache

from saleor_crm_plugin.recommendations.arranging import Source
from saleor_crm_plugin.recommendations.models import ModelStatus, ProductAffinity, ReasonKind
from saleor_crm_plugin.recommendations.reasons import Served

# Saleor's table -> the columns of it that we read.
SALEOR_COLUMNS = {
    "channel_channel": ("id", "is_active"),
    "product_product": ("id", "name", "category_id"),
    "product_productchannellisting": (
        "product_id",
        "channel_id",
        "is_published",
        "published_at",
        "visible_in_listings",
        "available_for_purchase_at",
    ),
    "product_productvariant": ("id", "product_id"),
    "product_productvariantchannellisting": ("variant_id", "channel_id", "price_amount"),
}

# Where `merchandising.candidates_sql` puts what rules say. As they stand here, there are none.
NOTHING_EXCLUDED = "TRUE /* excluded */"
NO_EXTRAS = (
    "SELECT NULL::int AS product_id, NULL::int AS reason_kind, NULL::bigint AS rule_id, NULL::bigint AS position "
    "WHERE FALSE"
)
NO_FACTS = "NULL::bigint[], NULL::bigint[], FALSE /* rules, brands, is new */"

# What a customer without permissions sees in a product list (Saleor's `published_with_variants` and
# `visible_in_listings`), and may put into the checkout (`available_for_purchase_at`).
LISTED = f"""
    listing.channel_id = %(channel)s
    AND listing.is_published
    AND (listing.published_at IS NULL OR listing.published_at <= %(now)s)
    AND listing.visible_in_listings
    AND listing.available_for_purchase_at <= %(now)s
    AND EXISTS (SELECT FROM channel_channel channel WHERE channel.id = listing.channel_id AND channel.is_active)
    AND EXISTS (
        SELECT FROM product_productvariant variant
        JOIN product_productvariantchannellisting price ON price.variant_id = variant.id
        WHERE variant.product_id = listing.product_id
            AND price.channel_id = %(channel)s
            AND price.price_amount IS NOT NULL
    )
    AND {NOTHING_EXCLUDED}
"""


def sold(product: str) -> str:
    """The condition that the channel sells a product, given by an SQL expression for its id."""
    listings = "SELECT FROM product_productchannellisting listing"
    return f"EXISTS ({listings} WHERE listing.product_id = {product} AND {LISTED})"


_PUBLISHED = f"(SELECT id FROM crm_recommendation_model WHERE status = '{ModelStatus.PUBLISHED.value}')"

# How the rest goes once `asked` (asked, excluded: product ids that must not be in the list) stands and `source` says
# what was learnt for one of them. Everywhere the candidates are put in order first and tested one by one after that,
# until there are enough: `OFFSET 0` keeps the planner from testing them all, or from testing the whole catalogue.
_LEARNT = """
{name} AS MATERIALIZED (
    SELECT asked.asked, best.*
    FROM asked CROSS JOIN LATERAL (
        SELECT candidate.*
        FROM ({source} ORDER BY position OFFSET 0) candidate
        WHERE candidate.product_id <> ALL (asked.excluded) AND {sold_candidate}
        ORDER BY candidate.position LIMIT %(first)s
    ) best
),
"""

_REST = """
short AS MATERIALIZED (
    SELECT asked.asked,
        asked.excluded || COALESCE(array_agg(learnt.product_id) FILTER (WHERE learnt.product_id IS NOT NULL), '{{}}')
            AS excluded,
        %(first)s - count(learnt.product_id) AS missing
    FROM asked LEFT JOIN learnt ON learnt.asked = asked.asked
    GROUP BY asked.asked, asked.excluded
    HAVING count(learnt.product_id) < %(first)s
),
popular AS MATERIALIZED (
    SELECT entry.*
    FROM (
        SELECT unnested.* FROM crm_popular_products list,
            unnest(list.product_ids, list.scores) WITH ORDINALITY AS unnested (product_id, score, position)
        WHERE list.model_id = {published} AND list.kind = 'bestsellers' AND list.channel_id = %(channel)s
            AND list.category_id = 0 AND EXISTS (SELECT FROM short)
        ORDER BY unnested.position OFFSET 0
    ) entry
    WHERE {sold_entry}
    ORDER BY entry.position LIMIT (SELECT max(missing + cardinality(excluded)) FROM short)
),
popular_fill AS MATERIALIZED (
    SELECT short.asked, fill.*
    FROM short CROSS JOIN LATERAL (
        SELECT * FROM popular WHERE popular.product_id <> ALL (short.excluded)
        ORDER BY popular.position LIMIT short.missing
    ) fill
),
still_short AS MATERIALIZED (
    SELECT short.asked,
        short.excluded || COALESCE(array_agg(fill.product_id) FILTER (WHERE fill.product_id IS NOT NULL), '{{}}')
            AS excluded,
        short.missing - count(fill.product_id) AS missing
    FROM short LEFT JOIN popular_fill fill ON fill.asked = short.asked
    GROUP BY short.asked, short.excluded, short.missing
    HAVING count(fill.product_id) < short.missing
),
newest AS MATERIALIZED (
    SELECT listing.product_id FROM product_productchannellisting listing
    WHERE EXISTS (SELECT FROM still_short) AND {listed}
    ORDER BY listing.product_id DESC LIMIT %(newest)s
),
newest_fill AS (
    SELECT still_short.asked, fill.product_id
    FROM still_short CROSS JOIN LATERAL (
        SELECT newest.product_id FROM newest WHERE newest.product_id <> ALL (still_short.excluded)
        ORDER BY newest.product_id DESC LIMIT still_short.missing
    ) fill
),
extra AS MATERIALIZED ({no_extras}),
answer AS (
    SELECT asked, product_id, score, reason_kind, reason_value, reason_product_id, {learnt_stage} AS stage, position
    FROM learnt
    UNION ALL
    SELECT asked, product_id, score, {popular_kind}, NULL, NULL, {channel_stage}, position FROM popular_fill
    UNION ALL
    SELECT asked, product_id, 0, {new_kind}, NULL, NULL, {newest_stage}, -product_id FROM newest_fill
    UNION ALL
    SELECT asked.asked, extra.product_id, 0, extra.reason_kind, NULL, NULL, {extra_stage},
        row_number() OVER (PARTITION BY asked.asked ORDER BY extra.rule_id, extra.position, extra.product_id)
    FROM asked JOIN extra ON extra.product_id <> ALL (asked.excluded)
)
SELECT answer.asked, answer.product_id, answer.score, answer.stage, product.category_id, {no_facts},
    answer.reason_kind, answer.reason_value, reason.id, reason.name
FROM answer JOIN product_product product ON product.id = answer.product_id LEFT JOIN LATERAL (
    SELECT product.id, product.name FROM product_product product
    WHERE product.id = answer.reason_product_id AND {sold_reason}
    OFFSET 0
) reason ON true
ORDER BY answer.asked, answer.stage, answer.position
"""


def _learnt(source: str, name: str = "learnt") -> str:
    return _LEARNT.format(name=name, source=source, sold_candidate=sold("candidate.product_id"))


def _rest() -> str:
    return _REST.format(
        sold_entry=sold("entry.product_id"),
        sold_reason=sold("product.id"),
        listed=LISTED,
        published=_PUBLISHED,
        popular_kind=ReasonKind.POPULAR.value,
        new_kind=Served.NEW.value,
        learnt_stage=Source.LEARNT.value,
        channel_stage=Source.CHANNEL.value,
        newest_stage=Source.NEWEST.value,
        extra_stage=Source.EXTRA.value,
        no_extras=NO_EXTRAS,
        no_facts=NO_FACTS,
    )


_PERSONAL = """
SELECT entry.*
FROM crm_personal_recommendations list,
    unnest(list.product_ids, list.scores, list.reason_kinds, list.reason_values, list.reason_product_ids)
        WITH ORDINALITY AS entry (product_id, score, reason_kind, reason_value, reason_product_id, position)
WHERE list.model_id = {published} AND list.profile_id = {profile} AND {wanted}
"""

_ASKED_PROFILES = """
WITH asked AS (
    SELECT asked, ARRAY(SELECT product_id FROM ({excluded}) kept_out) AS excluded
    FROM unnest(%(asked)s::bigint[]) AS listed (asked)
),
"""

_BOUGHT_BEFORE = f"reason_kind = {ReasonKind.BOUGHT_BEFORE.value}"
# Kind -> what of a customer's list is wanted, and what must not even fill it up.
_PERSONAL_FILTERS = {
    "for_you": ("true", "false"),
    "buy_again": (_BOUGHT_BEFORE, "false"),
    "discover": (f"NOT {_BOUGHT_BEFORE}", _BOUGHT_BEFORE),
}

_AFFINITY = {
    "frequently_bought_together": (ProductAffinity.Kind.BOUGHT_TOGETHER, Served.GOES_WITH),
    "similar": (ProductAffinity.Kind.SIMILAR, ReasonKind.SIMILAR),
}

_ASKED_PRODUCTS = """
WITH asked AS (SELECT asked, ARRAY[asked] AS excluded FROM unnest(%(asked)s::bigint[]) AS listed (asked)),
"""

_RELATED = """
SELECT entry.product_id, entry.score, {reason} AS reason_kind, entry.confidence AS reason_value,
    list.product_id AS reason_product_id, entry.position
FROM crm_product_affinity list,
    unnest(list.related_ids, list.scores, list.confidences) WITH ORDINALITY
        AS entry (product_id, score, confidence, position)
WHERE list.model_id = {published} AND list.kind = '{kind}'
"""

# A product with few purchases to learn from is like the newest ones of its category.
_OF_THE_CATEGORY = f"""
learnt AS MATERIALIZED (
    SELECT * FROM related
    UNION ALL
    SELECT asked.asked, fellow.id, 0, {ReasonKind.SIMILAR.value}, NULL, asked.asked, {2**31} - fellow.id::bigint
    FROM (
        SELECT asked.asked, asked.excluded || ARRAY(
            SELECT product_id FROM related WHERE related.asked = asked.asked
        ) AS excluded
        FROM asked
    ) asked
    JOIN product_product shown ON shown.id = asked.asked
    CROSS JOIN LATERAL (
        SELECT candidate.id FROM (
            SELECT product.id FROM product_product product
            WHERE product.category_id = shown.category_id AND product.id <> ALL (asked.excluded)
            ORDER BY product.id DESC OFFSET 0
        ) candidate
        WHERE {sold("candidate.id")}
        ORDER BY candidate.id DESC LIMIT %(first)s + 1 - cardinality(asked.excluded)
    ) fellow
),
"""

# PostgreSQL has no arrays of arrays of different lengths, so each basket comes as text.
_ASKED_BASKETS = """
WITH asked AS (
    SELECT asked, basket::bigint[] AS excluded
    FROM unnest(%(asked)s::text[]) WITH ORDINALITY AS listed (basket, asked)
),
"""

# All products of the basket count for the score; the strongest of them is the reason.
_TOGETHER = """
SELECT *, row_number() OVER (ORDER BY score DESC, product_id) AS position
FROM (
    SELECT product_id, sum(score ORDER BY reason_product_id) AS score, min(reason_kind) AS reason_kind,
        (array_agg(reason_value ORDER BY score DESC, reason_product_id))[1] AS reason_value,
        (array_agg(reason_product_id ORDER BY score DESC, reason_product_id))[1] AS reason_product_id
    FROM ({related} AND list.product_id = ANY (asked.excluded)) related
    GROUP BY product_id
) together
"""

_NOTHING = """
SELECT 0 AS product_id, 0::float8 AS score, 0 AS reason_kind, NULL::float8 AS reason_value, NULL::int AS
    reason_product_id, 0::bigint AS position
WHERE false
"""


@cache
def for_customers(kind: str) -> str:
    """`asked`: profile ids."""
    wanted, excluded = _PERSONAL_FILTERS.get(kind, ("false", "false"))
    asked = _ASKED_PROFILES.format(excluded=_personal("listed.asked", excluded))
    return asked + _learnt(_personal("asked.asked", wanted)) + _rest()


@cache
def for_products(kind: str) -> str:
    """`asked`: product ids."""
    if kind not in _AFFINITY:
        return _ASKED_PRODUCTS + _learnt(_NOTHING) + _rest()
    source = _related(kind) + "AND list.product_id = asked.asked"
    if kind == "similar":
        return _ASKED_PRODUCTS + _learnt(source, "related") + _OF_THE_CATEGORY + _rest()
    return _ASKED_PRODUCTS + _learnt(source) + _rest()


@cache
def for_baskets(kind: str) -> str:
    """`asked`: the product ids of each basket as an array literal; the lists are numbered from 1, in their order."""
    source = _TOGETHER.format(related=_related(kind)) if kind in _AFFINITY else _NOTHING
    return _ASKED_BASKETS + _learnt(source) + _rest()


def _personal(profile: str, wanted: str) -> str:
    return _PERSONAL.format(published=_PUBLISHED, profile=profile, wanted=wanted)


def _related(kind: str) -> str:
    stored, reason = _AFFINITY[kind]
    return _RELATED.format(published=_PUBLISHED, kind=stored.value, reason=reason.value)
