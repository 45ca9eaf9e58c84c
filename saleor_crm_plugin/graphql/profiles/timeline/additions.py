"""What the timeline adds to the types of ours: what its fields cost."""

from __future__ import annotations

from typing import Any

from saleor_crm_plugin.graphql.addition import PAGE

TYPE_COSTS: dict[str, dict[str, dict[str, Any]]] = {
    "CustomerProfile": {"timeline": {"complexity": 1, "multipliers": list(PAGE)}},
    "TimelineEvent": {"order": {"complexity": 1}, "actorUser": {"complexity": 1}},
}
