"""A shop in which there is something of everything, most of it Ann's.

Whatever is private about Ann holds `SECRET`, so that an answer that should tell nothing can be searched for it. Ben is
a customer, too; Cy is a friend whom Ann has brought; a guest's profile was merged into Ann's, another one was not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, Final, Literal
from uuid import uuid4

from django.db import connection
from django.utils import timezone
from saleor.permission.enums import (
    AccountPermissions,
    DiscountPermissions,
    GiftcardPermissions,
    OrderPermissions,
    PluginsPermissions,
    ProductPermissions,
)

from saleor_crm_plugin.actors import SYSTEM, Actor, ActorType
from saleor_crm_plugin.ingestion.merging import merge_customers
from saleor_crm_plugin.ingestion.referral_codes import apply_code, create_code
from saleor_crm_plugin.ingestion.sync import sync_orders
from saleor_crm_plugin.ingestion.tier_facts import review_tiers
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.adjustment import adjust
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, PointsTransaction
from saleor_crm_plugin.loyalty.referrals.models import Referral
from saleor_crm_plugin.loyalty.rewards.definition import Reward, RewardKind
from saleor_crm_plugin.loyalty.rewards.editing import create_reward
from saleor_crm_plugin.loyalty.rewards.models import RewardRedemption
from saleor_crm_plugin.loyalty.rules.definition import Effect, ReferralSide, RuleDefinition, Trigger
from saleor_crm_plugin.loyalty.rules.editing import create_rule
from saleor_crm_plugin.loyalty.rules.models import RuleStatus
from saleor_crm_plugin.loyalty.schedule import expire_due_lots
from saleor_crm_plugin.profiles.clv.models import ClvFit, FitStatus
from saleor_crm_plugin.profiles.consents.models import ConsentPurpose, ConsentState
from saleor_crm_plugin.profiles.consents.recording import Consent, record_consents
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback, ProductReview
from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics
from saleor_crm_plugin.profiles.notes.models import CustomerNote, CustomerTag
from saleor_crm_plugin.profiles.privacy.links import make_link
from saleor_crm_plugin.profiles.privacy.models import RequestKind
from saleor_crm_plugin.profiles.segments.models import CustomerSegment, SegmentMembership
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule
from saleor_crm_plugin.recommendations.models import PopularProducts
from saleor_crm_plugin.recommendations.tracking.models import RecommendationEvent
from tests.devshop.factories import (
    fulfill_order,
    make_address,
    make_app,
    make_category,
    make_channel,
    make_customer,
    make_order,
    make_product,
    make_staff,
)
from tests.graphql.client import Api, global_id
from tests.graphql.security.rules import Requestor
from tests.integration.loyalty.tiers.ladder import make_tiers
from tests.integration.recommendations.shop import publish
from tests.shop_settings import crm_settings, loyalty_settings

SECRET: Final = "Zyxwvut"
PERMISSIONS: Final = {
    permission.name: permission
    for permission in (
        AccountPermissions.MANAGE_USERS,
        DiscountPermissions.MANAGE_DISCOUNTS,
        GiftcardPermissions.MANAGE_GIFT_CARD,
        OrderPermissions.MANAGE_ORDERS,
        PluginsPermissions.MANAGE_PLUGINS,
        ProductPermissions.MANAGE_PRODUCTS,
    )
}


@dataclass
class World:
    """
    Attributes:
        ids: what the table names in braces.
        people: users by name.
    """

    ids: dict[str, str]
    people: SimpleNamespace
    _made: dict[tuple[str, frozenset[str]], Requestor] = field(default_factory=dict)

    def anonymous(self) -> Requestor:
        return Requestor("anonymous", "anonymous", Api())

    def customer(self) -> Requestor:
        return Requestor("customer", "customer", Api(self.people.ann))

    def other_customer(self) -> Requestor:
        return Requestor("other customer", "other customer", Api(self.people.ben))

    def staff(self, *permissions: str) -> Requestor:
        return self._made_once("staff", permissions)

    def app(self, *permissions: str) -> Requestor:
        return self._made_once("app", permissions)

    def _made_once(self, kind: Literal["staff", "app"], names: tuple[str, ...]) -> Requestor:
        key = kind, frozenset(names)
        if key not in self._made:
            permissions = [PERMISSIONS[name] for name in names]
            if kind == "staff":
                api = Api(make_staff(permissions=permissions))
            else:
                api = Api(app_token=make_app(permissions=permissions)[1])
            self._made[key] = Requestor(f"{kind} with {', '.join(names) or 'nothing'}", kind, api, frozenset(names))
        return self._made[key]


def make_world() -> World:
    channel = make_channel()
    loyalty_settings(
        channel,
        points_per_unit="10",
        earn_from="2020-01-01T00:00:00+00:00",
        point_value="0.01",
        expiry="12 months",
    )
    crm_settings(feedback_edit_days="3000", holdout_percent="10")
    people = SimpleNamespace(
        ann=make_customer(f"{SECRET}@example.com".lower(), first_name=SECRET, last_name=f"{SECRET}son"),
        ben=make_customer("ben@example.com", first_name="Ben"),
        cy=make_customer("cy@example.com"),
        clerk=make_staff("clerk@example.com"),
    )
    shop = SimpleNamespace(channel=channel, now=timezone.now(), clerk=Actor(ActorType.STAFF, people.clerk.pk))
    _sell(shop, people)
    profile = CustomerProfile.objects.get(user=people.ann)
    account = LoyaltyAccount.objects.get(profile=profile)
    ids = {
        "ann": global_id("User", people.ann.pk),
        "email": people.ann.email,
        "profile": global_id("CustomerProfile", profile.pk),
        "account": global_id("LoyaltyAccount", account.pk),
        "apple": global_id("Product", shop.apple.pk),
        "channel": channel.slug,
        "order": global_id("Order", shop.first.pk),
        "unrated": global_id("Order", shop.second.pk),
        "line": global_id("OrderLine", shop.first.lines.get().pk),
    }
    ids |= _loyalty(shop, people, account)
    ids |= _profile(shop, people, profile)
    ids |= _recommendations(shop, profile)
    ids["checkout"] = _checkout(shop, people)
    return World(ids, people)


def _sell(shop: SimpleNamespace, people: SimpleNamespace) -> None:
    """Ann has bought twice; what she got for it first has expired, and what she got for the second will."""
    fruit = make_category("Fruit")
    shop.apple = make_product("Apple", 20, shop.channel, stock=None, category=fruit)
    shop.pear = make_product("Pear", 30, shop.channel, stock=None, category=fruit)
    shop.plum = make_product("Plum", 5, shop.channel, stock=None, category=fruit)
    address = make_address(first_name=SECRET, street_address_1=f"{SECRET} Street")

    def order(user: Any, product: Any, days_ago: int, email: str = "") -> Any:
        made = make_order(
            user,
            email,
            shop.channel,
            [(product, 1)],
            created_at=shop.now - timedelta(days=days_ago),
            billing_address=address,
        )
        assert not sync_orders([made.pk]).failed
        return made

    shop.first = order(people.ann, shop.apple, 500)
    shop.second = order(people.ann, shop.pear, 30)
    shop.of_guest = order(None, shop.plum, 40, f"guest-{SECRET}@example.com".lower())
    loyalty_settings(
        shop.channel,
        points_per_unit="10",
        earn_from="2020-01-01T00:00:00+00:00",
        point_value="0.01",
        expiry="12 months",
        pending_days="14",
    )
    shop.third = order(people.ann, shop.plum, 1)
    for order_ in (shop.first, shop.second):
        fulfill_order(order_)


def _loyalty(shop: SimpleNamespace, people: SimpleNamespace, account: LoyaltyAccount) -> dict[str, str]:
    program_id = default_program_id()
    expire_due_lots(shop.now)
    adjust(account.pk, 1000, f"sorry, {SECRET}", shop.clerk, "1")
    adjustment = adjust(account.pk, 50, f"sorry again, {SECRET}", shop.clerk, "2")
    (lowest, *_rest) = make_tiers(100, 100_000, policy={"window": "lifetime"})
    review_tiers(shop.now)
    rules = [
        create_rule(
            program_id,
            "Bring a friend",
            RuleStatus.LIVE,
            RuleDefinition(Trigger.REFERRAL, Effect.FIXED_POINTS, Decimal(500), referral_side=ReferralSide.REFERRER),
            SYSTEM,
        ),
    ]
    reward = create_reward(
        program_id,
        Reward("Five off", RewardKind.VOUCHER_FIXED, cost=200, amount=Decimal(5), currency="USD", is_active=True),
    )
    few = frozenset({"CHAMPIONS", f"all-{SECRET}".lower()})
    create_reward(
        program_id, Reward("For few", RewardKind.FREE_SHIPPING, cost=5, currency="", is_active=True, segments=few)
    )
    taken = "mutation ($id: ID!) { loyaltyRewardRedeem(rewardId: $id) { redemption { id } errors { code } } }"
    for _ in range(2):
        api = Api(people.ann)
        redeemed = api.data(taken, id=global_id("LoyaltyReward", reward.pk))["loyaltyRewardRedeem"]
        assert redeemed["errors"] == []
    used, issued = RewardRedemption.objects.order_by("pk")
    RewardRedemption.objects.filter(pk=used.pk).update(status="used", used_at=shop.now, order_id=shop.second.pk)
    code = create_code(people.ann).code
    apply_code(people.cy, code)
    Referral.objects.update(order_id=shop.third.pk)
    expiry = PointsTransaction.objects.get(account=account, type="expire")
    return {
        "adjustment": global_id("PointsTransaction", adjustment.pk),
        "expiry": global_id("PointsTransaction", expiry.pk),
        "tier": global_id("LoyaltyTier", lowest.pk),
        "earning_rule": global_id("LoyaltyEarningRule", rules[0].pk),
        "reward": global_id("LoyaltyReward", reward.pk),
        "redemption": global_id("RewardRedemption", issued.pk),
        "code": code,
    }


def _profile(shop: SimpleNamespace, people: SimpleNamespace, profile: CustomerProfile) -> dict[str, str]:
    now = shop.now
    tag = SECRET.lower()
    CustomerTag.objects.create(profile=profile, name=tag, assigned_at=now)
    note = CustomerNote.objects.create(
        profile=profile, text=f"{SECRET} called", created_at=now, actor_type=ActorType.STAFF, actor_id=people.clerk.pk
    )
    given = Consent(ConsentPurpose.MARKETING_EMAIL, ConsentState.GRANTED, SECRET, SECRET)
    record_consents(profile.pk, [given], shop.clerk, now)
    feedback = OrderFeedback.objects.create(
        order_id=shop.first.pk,
        profile=profile,
        channel_id=shop.channel.pk,
        score=8,
        comment=SECRET,
        created_at=now,
        scored_at=now,
    )
    review = ProductReview.objects.create(
        feedback=feedback,
        order_line_id=shop.first.lines.get().pk,
        product=shop.apple,
        rating=4,
        comment="Crisp",
        state="approved",
        created_at=now,
    )
    segment = CustomerSegment.objects.create(
        name=f"All but {SECRET}", slug=f"all-{tag}", query="orders_count > 0", refreshed_at=now
    )
    SegmentMembership.objects.create(segment=segment, profile=profile, entered_at=now)
    make_link(RequestKind.EXPORT, shop.clerk, now, profile_id=profile.pk)
    person, other = GuestPerson(f"old-{tag}@example.com"), GuestPerson(f"guest-{tag}@example.com")
    found = resolve_profiles([person, other])
    merge = merge_customers(found[person], profile.pk, shop.clerk, now)
    ProfileMetrics.objects.filter(profile=profile).update(
        predicted_clv=Decimal(50), predicted_orders=1.5, prediction_status="predicted", probability_alive=0.8,
        churn_probability=0.3, expected_next_order_at=now, rfm_group="loyal", recency_score=3, frequency_score=3,
        monetary_score=3,
    )  # fmt: skip
    CustomerProfile.objects.filter(pk=profile.pk).update(lifecycle_stage="repeat", lifecycle_since=now)
    return {
        "tag": tag,
        "note": global_id("CustomerNote", note.pk),
        "review": global_id("ProductReview", review.pk),
        "segment": global_id("CustomerSegment", segment.pk),
        "slug": segment.slug,
        "guest": global_id("CustomerProfile", found[other]),
        "merge": global_id("CustomerMerge", merge.pk),
    }


def _recommendations(shop: SimpleNamespace, profile: CustomerProfile) -> dict[str, str]:
    for _ in range(2):
        model = publish(
            again={profile.pk: [shop.pear]},
            together={shop.apple: [shop.pear]},
            similar={shop.apple: [shop.plum]},
            popular={shop.channel: [shop.pear, shop.plum]},
            places=[(PopularProducts.Kind.TRENDING, shop.channel, None, {shop.plum: 1.0})],
        )
    rule = MerchandisingRule.objects.create(
        name="Pear last", is_active=True, action="bury", factor=2, product_ids=[shop.pear.pk],
        attribute_values={"color": ["red"]},
    )  # fmt: skip
    MerchandisingRule.objects.create(name="No plum", is_active=True, action="exclude", product_ids=[shop.plum.pk])
    for type_ in ("shown", "clicked"):
        RecommendationEvent.objects.create(
            id=uuid4(), type=type_, kind="for_you", product_id=shop.apple.pk, channel_id=shop.channel.pk,
            profile=profile, occurred_at=shop.now - timedelta(days=2),
        )  # fmt: skip
    ClvFit.objects.create(
        currency="USD", fitted_at=shop.now, forecast_days=365, customers=9, history_days=9, loyal_customers=2,
        status=FitStatus.FITTED, model="bg_nbd", churn_model="pareto_nbd", scored_customers=9, reason="",
        calibration_from=shop.now.date(), holdout_from=shop.now.date(), holdout_until=shop.now.date(),
        holdout_customers=3, mae=1, rmse=1, bias=1, churn_auc=1, naive_mae=1, naive_rmse=1, naive_bias=1,
    )  # fmt: skip
    return {
        "model": global_id("RecommendationModel", model.pk),
        "merchandising_rule": global_id("MerchandisingRule", rule.pk),
    }


def _checkout(shop: SimpleNamespace, people: SimpleNamespace) -> str:
    """Ann's, with 100 points on it."""
    create = """mutation ($input: CheckoutCreateInput!) {
      checkoutCreate(input: $input) { checkout { id } errors { code } } }"""
    apply = """mutation ($id: ID!) {
      loyaltyPointsApply(checkoutId: $id, points: 100) { appliedPoints errors { code message } } }"""
    api = Api(people.ann)
    variant = global_id("ProductVariant", shop.pear.default_variant.pk)
    given = {"channel": shop.channel.slug, "lines": [{"variantId": variant, "quantity": 1}]}
    checkout_id = str(api.data(create, input=given)["checkoutCreate"]["checkout"]["id"])
    assert api.data(apply, id=checkout_id)["loyaltyPointsApply"] == {"appliedPoints": 100, "errors": []}
    return checkout_id


def fingerprint() -> dict[str, str]:
    """What stands in each table of the shop, ours and Saleor's, as one value for each."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() "
            "AND table_type = 'BASE TABLE' AND (table_name LIKE 'crm\\_%' OR table_name LIKE ANY (ARRAY["
            "'checkout\\_%', 'discount\\_%', 'giftcard\\_%', 'order\\_%', 'account\\_%'])) ORDER BY 1"
        )
        tables = [name for (name,) in cursor.fetchall()]
        cursor.execute(
            " UNION ALL ".join(
                f"SELECT '{name}', md5(coalesce(string_agg(t::text, '' ORDER BY t::text), '')) FROM \"{name}\" t"
                for name in tables
            )
        )
        return dict(cursor.fetchall())
