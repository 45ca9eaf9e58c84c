"""Objects that staff name in an input about loyalty, as primary keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from saleor_crm_plugin.exceptions import LoyaltyInputError
from saleor_crm_plugin.graphql import keys


def existing_keys(rows: Any, field: str, global_ids: Iterable[str]) -> frozenset[int]:
    """As `graphql.keys.existing_keys`.

    Raises:
        ValidationError, LoyaltyInputError: as there.
    """
    return frozenset(keys.existing_keys(rows, field, global_ids, LoyaltyInputError))
