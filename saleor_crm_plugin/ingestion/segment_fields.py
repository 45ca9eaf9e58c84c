"""The fields of segments over Saleor's tables and over points, and all fields together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from saleor_crm_plugin.profiles.segments.fields import FIELDS, placed_since
from saleor_crm_plugin.profiles.segments.fragments import Fragment, joined
from saleor_crm_plugin.profiles.segments.registry import (
    WITHIN,
    Arguments,
    Field,
    Parameter,
    Registry,
    Rows,
    ScalarField,
    SetField,
    counting,
)
from saleor_crm_plugin.profiles.segments.values import (
    COUNTRY,
    DATE,
    EQUALITY,
    FLAG,
    TEXT,
    WHOLE,
    TextType,
    Type,
    name_of,
)

# A checkout that nobody has touched for so long is taken for abandoned; a shorter pause is a phone call.
ABANDONED_AFTER = timedelta(hours=1)

# Saleor's table -> the columns of it that the fields read by name.
SALEOR_COLUMNS = {
    "account_address": ("id", "country", "city"),
    "account_user": (
        "id",
        "date_joined",
        "language_code",
        "default_shipping_address_id",
        "default_billing_address_id",
    ),
    "channel_channel": ("id", "slug"),
    "checkout_checkout": ("token", "user_id", "email", "last_change"),
    "checkout_checkoutline": ("checkout_id",),
    "order_order": ("id", "shipping_address_id", "billing_address_id", "language_code", "checkout_token"),
    "order_orderline": ("order_id", "variant_id"),
    "product_category": ("id", "slug", "parent_id"),
    "product_collection": ("id", "slug"),
    "product_collectionproduct": ("collection_id", "product_id"),
    "product_product": ("id", "slug", "category_id"),
    "product_productvariant": ("id", "product_id"),
}

_LINES = (
    "crm_profile_order o JOIN order_orderline l ON l.order_id = o.order_id"
    " JOIN product_productvariant v ON v.id = l.variant_id"
)
# The user accounts of those who were merged into the customer.
_MERGED_ACCOUNTS = (
    "crm_customer_profile member JOIN account_user u ON u.id = member.user_id WHERE member.merged_into_id = p.id"
)
# The account of the program that every channel belongs to.
_ACCOUNT = "crm_loyalty_account a JOIN crm_loyalty_program program ON program.id = a.program_id AND program.is_default"


def _bought(tables: str, column: str) -> Callable[[Arguments], Rows]:
    def rows(arguments: Arguments) -> Rows:
        (keys,) = (value for name, value in arguments.items() if name in ("product", "category", "collection"))
        condition = placed_since(arguments) + Fragment(f" AND {column} = ANY(%s::int[])", (keys,))
        return Rows("o.order_id", tables, "o.profile_id", condition)

    return rows


def _thing(name: str, description: str) -> tuple[Parameter, ...]:
    return (Parameter(name, name_of(f"slug of a {name}", name, by_key=True), description, required=True),)


def _abandoned(arguments: Arguments) -> Fragment:
    # What a guest typed proves nothing, but it is how guests are known; who has an account is known by that.
    sql = Fragment("c.last_change < %s::timestamptz", (arguments["now"] - ABANDONED_AFTER,))
    if "within" in arguments:
        sql += Fragment(" AND c.last_change >= %s::timestamptz", (arguments["within"],))
    sql += " AND EXISTS (SELECT 1 FROM checkout_checkoutline line WHERE line.checkout_id = c.token)"
    # Apps may make an order of a checkout and keep it.
    sql += " AND NOT EXISTS (SELECT 1 FROM order_order ordered WHERE ordered.checkout_token = c.token::text)"
    by_user = Rows("c.token", "checkout_checkout c", "c.user_id", sql, own="p.user_id")
    by_email = Rows(
        "c.token",
        "crm_profile_identity i"
        ' JOIN checkout_checkout c ON c.user_id IS NULL AND lower(btrim(c.email) COLLATE "C") = i.value',
        "i.profile_id",
        "i.kind IN ('verified_email', 'unverified_email') AND " + sql,
    )
    return "(" + joined(" OR ", (rows.exists() for rows in (*by_user.of_family(), *by_email.of_family()))) + ")"


def _of_addresses(name: str, type_: Type, description: str) -> Field:
    def rows(_arguments: Arguments) -> tuple[Rows, ...]:
        filled = Fragment(f"a.{name} <> ''")
        of_orders = Rows(
            f"a.{name}",
            "crm_profile_order o JOIN order_order so ON so.id = o.order_id JOIN account_address a"
            " ON a.id = COALESCE(so.shipping_address_id, so.billing_address_id)",
            "o.profile_id",
            "o.counts AND " + filled,
        )
        of_account = Rows(
            f"a.{name}",
            "account_user u JOIN account_address a"
            " ON a.id IN (u.default_shipping_address_id, u.default_billing_address_id)",
            "u.id",
            filled,
            own="p.user_id",
        )
        return (of_orders, *of_account.of_family())

    return SetField(name=name, type=type_, description=description, rows=rows)


def _channels(_arguments: Arguments) -> tuple[Rows, ...]:
    tables = "crm_profile_order o JOIN channel_channel ch ON ch.id = o.channel_id"
    return (Rows("ch.slug", tables, "o.profile_id", Fragment("o.counts")),)


def _scalar(name: str, type_: Type, description: str, sql: str) -> Field:
    return ScalarField(name=name, type=type_, description=description, sql=lambda _arguments: Fragment(sql))


SHOP_FIELDS: tuple[Field, ...] = (
    counting(
        "bought_product",
        "Number of orders with the product.",
        _bought(_LINES, "v.product_id"),
        _thing("product", "Slug of the product."),
    ),
    counting(
        "bought_category",
        "Number of orders with a product of the category or of one below it.",
        _bought(f"{_LINES} JOIN product_product pr ON pr.id = v.product_id", "pr.category_id"),
        _thing("category", "Slug of the category."),
    ),
    counting(
        "bought_collection",
        "Number of orders with a product that is in the collection now.",
        _bought(f"{_LINES} JOIN product_collectionproduct cp ON cp.product_id = v.product_id", "cp.collection_id"),
        _thing("collection", "Slug of the collection."),
    ),
    ScalarField(
        name="abandoned_checkout",
        type=FLAG,
        description="Whether there is a checkout with products that was not ordered, and not touched for an hour.",
        parameters=(WITHIN,),
        sql=_abandoned,
    ),
    SetField(
        name="channel",
        type=name_of("slug of a channel", "channel"),
        description="Channels that the customer has ordered in, by slug.",
        rows=_channels,
    ),
    _of_addresses(
        "country", COUNTRY, "Countries that orders went to, and of the default addresses of the customer's accounts."
    ),
    _of_addresses("city", TEXT, "Cities that orders went to, and of the default addresses of the customer's accounts."),
    _scalar(
        "language",
        TextType("language code", EQUALITY),
        "Code of the account's language, else of the newest account merged into it, else of the last order.",
        "COALESCE((SELECT u.language_code FROM account_user u WHERE u.id = p.user_id),"
        f" (SELECT u.language_code FROM {_MERGED_ACCOUNTS} ORDER BY u.date_joined DESC, u.id DESC LIMIT 1),"
        " (SELECT so.language_code FROM order_order so WHERE so.id = (SELECT o.order_id FROM crm_profile_order o"
        " WHERE o.profile_id = p.id ORDER BY o.placed_at DESC, o.order_id DESC LIMIT 1)))",  # nosec B608  # our text; what staff wrote is a parameter
    ),
    _scalar(
        "joined_at",
        DATE,
        "Day on which the customer's first user account was made.",
        # The missing ones do not count for LEAST.
        "LEAST((SELECT u.date_joined FROM account_user u WHERE u.id = p.user_id),"
        f" (SELECT min(u.date_joined) FROM {_MERGED_ACCOUNTS}))",  # nosec B608  # our text; what staff wrote is a parameter
    ),
)

LOYALTY_FIELDS: tuple[Field, ...] = (
    _scalar(
        "tier",
        name_of("name of a tier", "tier"),
        "Name of the customer's tier.",
        f"(SELECT tier.name FROM {_ACCOUNT} JOIN crm_tier_membership member ON member.account_id = a.id"
        " JOIN crm_loyalty_tier tier ON tier.id = member.tier_id WHERE a.profile_id = p.id)",  # nosec B608  # our text; what staff wrote is a parameter
    ),
    _scalar(
        "points",
        WHOLE,
        "Points that can be spent now.",
        f"COALESCE((SELECT a.active - a.held FROM {_ACCOUNT} WHERE a.profile_id = p.id), 0)",  # nosec B608  # our text; what staff wrote is a parameter
    ),
)

REGISTRY = Registry((*FIELDS, *SHOP_FIELDS, *LOYALTY_FIELDS))
