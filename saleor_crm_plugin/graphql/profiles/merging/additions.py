"""What merging adds to Saleor's schema."""

from __future__ import annotations

from typing import Any

from saleor_crm_plugin.graphql.addition import mutation
from saleor_crm_plugin.graphql.profiles.merging.mutations.customer_profile_merge import CustomerProfileMerge
from saleor_crm_plugin.graphql.profiles.merging.mutations.customer_profile_merge_preview import (
    CustomerProfileMergePreview,
)
from saleor_crm_plugin.graphql.profiles.merging.mutations.customer_profile_unmerge import CustomerProfileUnmerge

ADDITIONS = (
    mutation("customer_profile_merge_preview", CustomerProfileMergePreview.Field()),
    mutation("customer_profile_merge", CustomerProfileMerge.Field()),
    mutation("customer_profile_unmerge", CustomerProfileUnmerge.Field()),
)

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "CustomerMerge": {"mergedBy": {"complexity": 1}},
}
