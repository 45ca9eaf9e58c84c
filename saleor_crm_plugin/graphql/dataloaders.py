"""What several domains read, once per request for any number of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import FilteredRelation, Q, Subquery
from django.utils import timezone
from saleor.channel.models import Channel
from saleor.graphql.core.dataloaders import DataLoader
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.config import CRM_FIELDS, CRM_PLUGIN_ID, CRMSettings, read_values
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings, loyalty_is_on
from saleor_crm_plugin.loyalty.models import LoyaltyAccount, LoyaltyProgram
from saleor_crm_plugin.profiles.merging.family import found_by_id, heads_of_users, users_of, with_family
from saleor_crm_plugin.profiles.models import CustomerProfile
from saleor_crm_plugin.recommendations.arranging import NO_POLICY, Policy
from saleor_crm_plugin.recommendations.merchandising.definition import ListRule
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.merchandising.storage import rows_in_force, rules_of
from saleor_crm_plugin.texts import can_be_stored


@dataclass(frozen=True, slots=True)
class Customer:
    """A person's profile, and the account in the default program if there is one, with its tier."""

    profile: CustomerProfile
    account: LoyaltyAccount | None


class CustomerByUserIdLoader(DataLoader):
    """`Customer` by user id; None for users without a profile. Profile, account and tier in one statement.

    The profile is the head of the person's family, and the account is that of the head.
    """

    context_key = "saleor_crm_plugin.customer_by_user_id"

    def batch_load(self, keys: Sequence[int]) -> list[Customer | None]:
        default_program = Subquery(LoyaltyProgram.objects.filter(is_default=True).values("pk"))
        heads = CustomerProfile.objects.using(self.database_connection_name).filter(pk__in=heads_of_users(keys))
        profiles = (
            with_family(heads)
            .annotate(default_account=FilteredRelation("accounts", condition=Q(accounts__program=default_program)))
            # django-stubs does not know filtered relations.
            .select_related("default_account__tier_membership__tier")  # type: ignore[misc]
        )
        # Where nothing was joined, Django leaves the attribute out instead of setting it to None.
        customers = {
            user_id: Customer(profile, getattr(profile, "default_account", None))
            for profile in profiles
            for user_id in users_of(profile)
        }
        return [customers.get(user_id) for user_id in keys]


class ProfileByIdLoader(DataLoader):
    """`CustomerProfile` by primary key: the head of the family, also for a key of one that was merged into it."""

    context_key = "saleor_crm_plugin.profile_by_id"

    def batch_load(self, keys: Sequence[int]) -> list[CustomerProfile | None]:
        profiles = found_by_id(keys, self.database_connection_name)
        return [profiles.get(profile_id) for profile_id in keys]


class ShopSettingsLoader(DataLoader):
    """`ShopSettings`, once per request. The key does not matter; use `load_shop_settings`."""

    context_key = "saleor_crm_plugin.shop_settings"

    def batch_load(self, keys: Sequence[None]) -> list[ShopSettings]:
        return [load_settings(self.database_connection_name)] * len(keys)


def load_shop_settings(context: Any) -> Any:
    """Promise of the request's `ShopSettings`."""
    return ShopSettingsLoader(context).load(0)


@dataclass(frozen=True, slots=True)
class ActiveChannel:
    """A channel that sells.

    Attributes:
        recommends: False where the operator has switched recommendations (or the plugin) off.
        only_in_stock: only what its warehouses have is recommended.
        holdout_share: of the customers who get no personal recommendations, 0 to 1.
        policy: what merchandising wants of the lists in it.
        loyalty_on: False where the operator has switched loyalty off.
    """

    id: int
    slug: str
    currency: str
    recommends: bool
    only_in_stock: bool
    holdout_share: float
    policy: Policy = NO_POLICY
    loyalty_on: bool = True


class ActiveChannelBySlugLoader(DataLoader):
    """`ActiveChannel` by slug; None for channels that do not exist or are inactive.

    The settings and rules that recommendations depend on come in the same statement: with the customer, the list and
    the products this makes the four statements that `me { loyaltyAccount recommendations }` may cost.
    """

    context_key = "saleor_crm_plugin.active_channel_by_slug"

    def batch_load(self, keys: Sequence[str]) -> list[ActiveChannel | None]:
        plugin = PluginConfiguration.objects.filter(identifier=CRM_PLUGIN_ID, channel__isnull=True)
        rows = (
            Channel.objects.using(self.database_connection_name)
            .filter(slug__in=filter(can_be_stored, keys), is_active=True)
            .annotate(crm_active=Subquery(plugin.values("active")[:1]))
            .annotate(crm_configuration=Subquery(plugin.values("configuration")[:1]))
            .annotate(crm_rules=rows_in_force(timezone.now()))
            .annotate(loyalty_on=loyalty_is_on())
            .values_list("pk", "slug", "currency_code", "loyalty_on", "crm_active", "crm_configuration", "crm_rules")
        )
        channels = {
            slug: ActiveChannel(
                pk, slug, currency, *_recommending(active, configuration, rules_of(rules, pk)), loyalty_on=loyalty_on
            )
            for pk, slug, currency, loyalty_on, active, configuration, rules in rows
        }
        return [channels.get(slug) for slug in keys]


def _recommending(
    active: bool | None, configuration: Any, rules: tuple[ListRule, ...]
) -> tuple[bool, bool, float, Policy]:
    """Whether to recommend, whether only what is in stock, how large the hold-out is, what merchandising wants."""
    values, _errors = read_values(configuration or [], CRM_FIELDS)
    settings = CRMSettings(**values)
    policy = Policy(
        rules,
        ListPolicy(
            brand_attribute=settings.brand_attribute,
            brand_limit=settings.most_of_brand,
            category_limit=settings.most_of_category,
            new_in_ten=settings.new_products_in_ten,
            new_days=settings.new_product_days,
        ),
    )
    recommends = active is not False and settings.recommendations_enabled
    return recommends, settings.recommend_only_in_stock, settings.holdout_percent / 100, policy
