"""Arguments that previewing and merging share."""

from __future__ import annotations

from typing import Any

import graphene

from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import key_argument
from saleor_crm_plugin.ingestion.merging import UNDO_DAYS, UNDO_DAYS_LIMIT


def pair_of(source_id: str, target_id: str) -> tuple[int, int]:
    """
    Raises:
        ValidationError: not ids of profiles.
    """
    return (
        key_argument(integer_key, source_id, "CustomerProfile", "source_id"),
        key_argument(integer_key, target_id, "CustomerProfile", "target_id"),
    )


def source_argument() -> Any:
    return graphene.ID(required=True, description="The ID of the profile that is to be merged into the other one.")


def target_argument() -> Any:
    return graphene.ID(required=True, description="The ID of the profile that stays.")


def undo_days_argument() -> Any:
    return graphene.Int(
        default_value=UNDO_DAYS, description=f"For how many days it can be undone, 1 to {UNDO_DAYS_LIMIT}."
    )
