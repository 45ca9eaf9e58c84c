"""Twenty segments as staff write them, and each as somebody would write it in SQL.

By hand: a condition on a profile `p` and its metrics `m`; the customers of `customer_tables` order in one currency.
"""

from __future__ import annotations

_LINES = (
    "SELECT o.profile_id FROM crm_profile_order o JOIN order_orderline l USING (order_id)"
    " JOIN product_productvariant v ON v.id = l.variant_id JOIN product_product product ON product.id = v.product_id"
    " WHERE o.counts AND "
)
_PLACES = """
    SELECT o.profile_id FROM crm_profile_order o JOIN order_order placed ON placed.id = o.order_id
    JOIN account_address a ON a.id = coalesce(placed.shipping_address_id, placed.billing_address_id)
    WHERE o.counts AND {0}
    UNION SELECT own.id FROM crm_customer_profile own JOIN account_user u ON u.id = own.user_id
    JOIN account_address a ON a.id IN (u.default_shipping_address_id, u.default_billing_address_id) WHERE {0}
"""
_TAGGED = "SELECT profile_id FROM crm_customer_tag WHERE name = "
_CHECKOUTS = """
    SELECT own.id FROM crm_customer_profile own JOIN checkout_checkout c USING (user_id) WHERE {0}
    UNION SELECT i.profile_id FROM crm_profile_identity i JOIN checkout_checkout c ON lower(c.email) = i.value
    WHERE c.user_id IS NULL AND {0}
"""
# A length of time in the language ends with whole days.
_TODAY = "date_trunc('day', now())"
_SINCE_DAYS = f"o.placed_at >= {_TODAY} - interval '{{}} days'"
_LANGUAGE = """
    coalesce((SELECT u.language_code FROM account_user u WHERE u.id = p.user_id),
        (SELECT placed.language_code FROM crm_profile_order o JOIN order_order placed ON placed.id = o.order_id
        WHERE o.profile_id = p.id ORDER BY o.placed_at DESC LIMIT 1)) = 'de'
"""


def _bought(condition: str) -> str:
    return f"p.id IN ({_LINES}{condition})"


def _category(slug: str) -> str:
    return f"product.category_id = (SELECT id FROM product_category WHERE slug = '{slug}')"


BY_HAND: dict[str, str] = {
    "monetary_score = 5": "m.monetary_score = 5",
    "lifecycle_stage = at_risk OR rfm_group IN (at_risk, previously_loyal)": (
        "p.lifecycle_stage = 'at_risk' OR m.rfm_group IN ('at_risk', 'previously_loyal')"
    ),
    "orders_count = 1": "m.orders_count = 1",
    "last_order_at < -1y": f"m.last_order_at < {_TODAY} - interval '1 year'",
    "first_order_at >= -1m": f"m.first_order_at >= {_TODAY} - interval '1 month'",
    "abandoned_checkout(within: 7d)": (
        "p.id IN ("
        + _CHECKOUTS.format(
            f"c.last_change < now() - interval '1 hour' AND c.last_change >= {_TODAY} - interval '7 days'"
            " AND EXISTS (SELECT FROM checkout_checkoutline line WHERE line.checkout_id = c.token)"
            " AND NOT EXISTS (SELECT FROM order_order WHERE checkout_token = c.token::text)"
        )
        + ")"
    ),
    "customer_type = b2b": "p.customer_type = 'b2b'",
    "orders_count >= 3 AND last_order_at < -90d AND bought_category('c3', within: 365d) AND NOT tag = 'wholesale'": (
        f"m.orders_count >= 3 AND m.last_order_at < {_TODAY} - interval '90 days' AND"
        f" {_bought(_category('c3') + ' AND ' + _SINCE_DAYS.format(365))} AND p.id NOT IN ({_TAGGED}'wholesale')"
    ),
    "bought_category('root')": _bought(
        "product.category_id IN (SELECT c.id FROM product_category c LEFT JOIN product_category above"
        " ON above.id = c.parent_id WHERE 'root' IN (c.slug, above.slug))"
    ),
    "bought_category('c1', within: 365d, times: 3)": _bought(
        f"{_category('c1')} AND {_SINCE_DAYS.format(365)} GROUP BY o.profile_id HAVING count(DISTINCT o.order_id) >= 3"
    ),
    "NOT bought_category('c2')": f"NOT {_bought(_category('c2'))}",
    "bought_product('p17') OR bought_product('p18') OR tag = 'vip'": (
        _bought("product.slug IN ('p17', 'p18')") + f" OR p.id IN ({_TAGGED}'vip')"
    ),
    "bought_collection('k1', within: 180d) AND net_spent > 500": (
        _bought(
            "product.id IN (SELECT product_id FROM product_collectionproduct JOIN product_collection k"
            f" ON k.id = collection_id WHERE k.slug = 'k1') AND {_SINCE_DAYS.format(180)}"
        )
        + " AND m.net_spent > 500"
    ),
    "country = 'DE' AND language = 'de'": f"""p.id IN ({_PLACES.format("a.country = 'DE'")}) AND {_LANGUAGE}""",
    "city = 'City 7' OR city = 'City 8'": f"""p.id IN ({_PLACES.format("a.city IN ('City 7', 'City 8')")})""",
    "country NOT CONTAINS 'US'": f"""p.id NOT IN ({_PLACES.format("a.country = 'US'")})""",
    "channel = 'two' AND points >= 100": (
        "p.id IN (SELECT o.profile_id FROM crm_profile_order o JOIN channel_channel c ON c.id = o.channel_id"
        " WHERE o.counts AND c.slug = 'two')"
        " AND p.id IN (SELECT profile_id FROM crm_loyalty_account WHERE active - held >= 100)"
    ),
    "consent('marketing_email') = 'granted' AND last_order_at >= -6m": (
        "(SELECT state FROM crm_consent_record c WHERE c.profile_id = p.id AND purpose = 'marketing_email'"
        f" ORDER BY id DESC LIMIT 1) = 'granted' AND m.last_order_at >= {_TODAY} - interval '6 months'"
    ),
    "average_order_value BETWEEN 50 AND 120 AND NOT is_guest": (
        "m.average_order_value BETWEEN 50 AND 120 AND p.user_id IS NOT NULL"
    ),
    "ordered(within: 90d) = 0 AND ordered >= 2": (
        f"m.orders_count >= 2 AND p.id NOT IN (SELECT o.profile_id FROM crm_profile_order o WHERE o.counts"
        f" AND {_SINCE_DAYS.format(90)})"
    ),
}


def selected(condition: str, only: str = "true") -> str:
    return (
        "SELECT p.id FROM crm_customer_profile p LEFT JOIN crm_profile_metrics m ON m.profile_id = p.id"
        f" WHERE p.profiling_allowed AND {only} AND ({condition})"
    )
