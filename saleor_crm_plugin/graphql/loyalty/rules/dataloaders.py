"""What a checkout's preview asks of rules, products and customers, for any number of checkouts at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.ingestion.catalogue import NOWHERE, Place, places_of
from saleor_crm_plugin.ingestion.loyalty_facts import segments_of
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.rules import storage
from saleor_crm_plugin.loyalty.rules.definition import RuleUsage
from saleor_crm_plugin.loyalty.terms import CustomerTraits
from saleor_crm_plugin.profiles.traits import buyers, rfm_groups_of_buyers


class LiveRulesLoader(DataLoader):
    """The rules in force, once per request. The key does not matter; use `load_live_rules`."""

    context_key = "saleor_crm_plugin.live_rules"

    def batch_load(self, keys: Sequence[int]) -> list[list[storage.LiveRule]]:
        alias = self.database_connection_name
        return [storage.live_rules(default_program_id(alias), alias)] * len(keys)


def load_live_rules(context: Any) -> Any:
    """Promise of the rules in force."""
    return LiveRulesLoader(context).load(0)


class PlaceByProductIdLoader(DataLoader):
    """`Place` in the catalogue by product id."""

    context_key = "saleor_crm_plugin.place_by_product_id"

    def batch_load(self, keys: Sequence[int]) -> list[Place]:
        places = places_of(keys, self.database_connection_name)
        return [places.get(product_id, NOWHERE) for product_id in keys]


class TraitsByProfileLoader(DataLoader):
    """`CustomerTraits` for the next order without customer segments, by (profile id, currency)."""

    context_key = "saleor_crm_plugin.traits_by_profile"

    def batch_load(self, keys: Sequence[tuple[int, str]]) -> list[CustomerTraits]:
        profile_ids = {profile_id for profile_id, _ in keys}
        groups = rfm_groups_of_buyers(profile_ids, self.database_connection_name)
        bought = buyers(profile_ids, self.database_connection_name)
        return [CustomerTraits(segments=segments_of(groups, *key), is_first_order=key[0] not in bought) for key in keys]


class RuleUsageLoader(DataLoader):
    """`RuleUsage` by question."""

    context_key = "saleor_crm_plugin.rule_usage"

    def batch_load(self, keys: Sequence[storage.UsageQuestion]) -> list[RuleUsage]:
        return storage.usages(keys, self.database_connection_name)


class RuleUsesByRuleIdLoader(DataLoader):
    """`storage.UseSummary` by rule id."""

    context_key = "saleor_crm_plugin.rule_uses_by_rule_id"

    def batch_load(self, keys: Sequence[int]) -> list[storage.UseSummary]:
        found = storage.summaries(keys, self.database_connection_name)
        return [found.get(rule_id, storage.UseSummary()) for rule_id in keys]
