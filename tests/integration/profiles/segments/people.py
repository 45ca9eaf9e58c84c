"""Customers as plain values, for tests that say what a query means without any SQL; and the rows that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from saleor.account.models import Address, User
from saleor.channel.models import Channel
from saleor.checkout.models import Checkout, CheckoutLine
from saleor.order import OrderOrigin, OrderStatus
from saleor.order.models import Order, OrderLine
from saleor.product.models import Collection, Product

from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.models import LoyaltyAccount
from saleor_crm_plugin.loyalty.tiers.models import LoyaltyTier, TierMembership
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.metrics import refresh_metrics
from saleor_crm_plugin.profiles.models import (
    CustomerProfile,
    IdentityKind,
    ProfileIdentity,
    ProfileMetrics,
    ProfileOrder,
)
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from tests.devshop.factories import _known, make_category, make_channel, make_product

NOW = datetime(2026, 3, 31, 15, 30, tzinfo=UTC)
# Where each product stands: its categories, with all above, and its collections.
CATALOGUE: dict[str, tuple[set[str], set[str]]] = {
    "espresso": ({"coffee", "drinks"}, {"winter"}),
    "green-tea": ({"drinks"}, set()),
    "mug": ({"kitchen"}, {"winter", "gifts"}),
}
CHANNELS = ("web", "store")
TIERS = ("Silver", "Gold")


def days_ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


@dataclass(frozen=True)
class Purchase:
    days_ago: float
    gross: Decimal = Decimal(100)
    refunded: Decimal = Decimal(0)
    currency: str = "USD"
    counts: bool = True
    channel: str = "web"
    products: tuple[str, ...] = ("espresso",)
    country: str = "US"
    city: str = "Springfield"
    language: str = "en"

    @property
    def placed_at(self) -> datetime:
        return days_ago(self.days_ago)


@dataclass(frozen=True)
class Person:
    """A customer. With `joined` (days ago) it has an account, else it is a guest."""

    name: str = ""
    joined: float | None = None
    created: float = 400
    language: str = "en"
    country: str = ""
    city: str = ""
    stage: str = ""
    stage_since: float | None = None
    type: str = "b2c"
    tags: frozenset[str] = frozenset()
    # From the oldest to the newest.
    consents: tuple[tuple[str, str], ...] = ()
    purchases: tuple[Purchase, ...] = ()
    # By currency: columns of `ProfileMetrics` that do not follow from purchases.
    forecasts: dict[str, dict[str, Any]] = field(default_factory=dict)
    tier: str = ""
    points: int | None = None
    # Days since each checkout was touched, and whether it has products.
    checkouts: tuple[tuple[float, bool], ...] = ()
    profiling_allowed: bool = True
    erased: bool = False
    is_merged: bool = False

    @property
    def is_customer(self) -> bool:
        return self.profiling_allowed and not self.erased and not self.is_merged


def make_catalogue() -> None:
    """Channels, products, categories, collections and tiers by the names above."""
    channels = [make_channel(slug) for slug in CHANNELS]
    drinks = make_category("drinks")
    places = {
        "espresso": make_category("coffee", parent=drinks),
        "green-tea": drinks,
        "mug": make_category("kitchen"),
    }
    for category in places.values():
        type(category).objects.filter(pk=category.pk).update(slug=category.name)
    collections = {name: Collection.objects.create(name=name, slug=name) for name in ("winter", "gifts")}
    for slug, category in places.items():
        product = make_product(slug, 10, channels, category, slug=slug, stock=None)
        for name in CATALOGUE[slug][1]:
            collections[name].products.add(product)
    for level, name in enumerate(TIERS, start=1):
        LoyaltyTier.objects.create(program_id=default_program_id(), name=name, level=level, threshold=level * 100)


def store(people: Sequence[Person]) -> list[int]:
    """The people's rows; returns the primary keys of their profiles."""
    ids = [_profile(person, number) for number, person in enumerate(people)]
    _orders(people, ids)
    refresh_metrics(ids)
    program_id = default_program_id()
    for person, profile_id in zip(people, ids, strict=True):
        for currency, columns in person.forecasts.items():
            ProfileMetrics.objects.filter(profile_id=profile_id, currency=currency).update(**columns)
        CustomerTag.objects.bulk_create(
            CustomerTag(profile_id=profile_id, name=tag, assigned_at=NOW) for tag in sorted(person.tags)
        )
        ConsentRecord.objects.bulk_create(
            ConsentRecord(profile_id=profile_id, purpose=purpose, state=state, recorded_at=NOW)
            for purpose, state in person.consents
        )
        # Records decide it in a shop; here a person is what the test says.
        CustomerProfile.objects.filter(pk=profile_id).update(profiling_allowed=person.profiling_allowed)
        if person.points is not None:
            account = LoyaltyAccount.objects.create(program_id=program_id, profile_id=profile_id, active=person.points)
            if person.tier:
                tier = LoyaltyTier.objects.get(name=person.tier, deleted_at__isnull=True)
                TierMembership.objects.create(account=account, tier=tier, earned_tier=tier)
    return ids


def _profile(person: Person, number: int) -> int:
    user, email = None, f"person{number}-{timezone.now().timestamp()}@example.com"
    if person.joined is not None:
        address = Address.objects.create(country=person.country, city=person.city) if person.country else None
        user = User.objects.create(
            email=email,
            date_joined=days_ago(person.joined),
            language_code=person.language,
            default_billing_address=address,
        )
    profile = CustomerProfile.objects.create(
        user=user,
        lifecycle_stage=person.stage,
        lifecycle_since=None if person.stage_since is None else days_ago(person.stage_since),
        customer_type=person.type,
        profiling_allowed=person.profiling_allowed,
        erased_at=NOW if person.erased else None,
        merged_into=CustomerProfile.objects.create(erased_at=NOW) if person.is_merged else None,
    )
    CustomerProfile.objects.filter(pk=profile.pk).update(created_at=days_ago(person.created))
    if user is None:
        ProfileIdentity.objects.create(profile=profile, kind=IdentityKind.UNVERIFIED_EMAIL, value=email)
    for ago, has_lines in person.checkouts:
        # Whatever case the guest typed it in.
        checkout = Checkout.objects.create(
            channel=Channel.objects.get(slug="web"), currency="USD", user=user, email=email if user else email.upper()
        )
        Checkout.objects.filter(pk=checkout.pk).update(last_change=days_ago(ago))
        if has_lines:
            variant = Product.objects.get(slug="mug").default_variant
            CheckoutLine.objects.create(checkout=checkout, variant=variant, quantity=1, currency="USD")
    return profile.pk


def _orders(people: Sequence[Person], ids: Sequence[int]) -> None:
    channels = {channel.slug: channel for channel in Channel.objects.all()}
    variants = {product.slug: product.default_variant for product in Product.objects.select_related("default_variant")}
    bought = [(profile_id, p) for person, profile_id in zip(people, ids, strict=True) for p in person.purchases]
    addresses = Address.objects.bulk_create(Address(country=p.country, city=p.city) for _, p in bought)
    orders = Order.objects.bulk_create(
        Order(
            **_known(Order, lines_count=len(p.products), should_refresh_prices=False),
            channel=channels[p.channel],
            currency=p.currency,
            status=OrderStatus.FULFILLED if p.counts else OrderStatus.CANCELED,
            origin=OrderOrigin.CHECKOUT,
            created_at=p.placed_at,
            language_code=p.language,
            billing_address=address,
        )
        for (_, p), address in zip(bought, addresses, strict=True)
    )
    OrderLine.objects.bulk_create(
        OrderLine(
            order=order,
            variant=variants[slug],
            product_name=slug,
            variant_name="",
            is_shipping_required=False,
            is_gift_card=False,
            quantity=1,
            currency=p.currency,
            unit_price_net_amount=0,
            unit_price_gross_amount=0,
            total_price_net_amount=0,
            total_price_gross_amount=0,
        )
        for (_, p), order in zip(bought, orders, strict=True)
        for slug in p.products
    )
    ProfileOrder.objects.bulk_create(
        ProfileOrder(
            order_id=order.pk,
            profile_id=profile_id,
            channel_id=order.channel_id,
            currency=p.currency,
            placed_at=p.placed_at,
            counts=p.counts,
            gross_amount=p.gross,
            refunded_amount=p.refunded,
        )
        for (profile_id, p), order in zip(bought, orders, strict=True)
    )
