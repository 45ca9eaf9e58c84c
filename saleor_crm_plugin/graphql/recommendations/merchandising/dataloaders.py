"""Merchandising rules for many objects at once."""

from __future__ import annotations

from collections.abc import Sequence

from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule


class MerchandisingRuleByIdLoader(DataLoader):
    """`MerchandisingRule` by primary key."""

    context_key = "saleor_crm_plugin.merchandising_rule_by_id"

    def batch_load(self, keys: Sequence[int]) -> list[MerchandisingRule | None]:
        rules = MerchandisingRule.objects.using(self.database_connection_name).in_bulk(keys)
        return [rules.get(rule_id) for rule_id in keys]
