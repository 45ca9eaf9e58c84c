"""What stages, types and favourites add to Saleor's schema."""

from __future__ import annotations

from typing import Any

from saleor_crm_plugin.graphql.addition import LIST, mutation
from saleor_crm_plugin.graphql.profiles.lifecycle.mutations.customer_profile_type_update import (
    CustomerProfileTypeUpdate,
)

ADDITIONS = (mutation("customer_profile_type_update", CustomerProfileTypeUpdate.Field()),)

# Of the fields of CustomerProfile.
PROFILE_COSTS: dict[str, dict[str, Any]] = {
    "favoriteCategories": {"complexity": 1, "multipliers": list(LIST)},
}
