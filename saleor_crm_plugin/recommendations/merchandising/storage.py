"""The rules in force, read along with something else: having rules costs a storefront no statement more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Q, QuerySet
from django.db.models.functions import JSONObject

from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction, Targets
from saleor_crm_plugin.recommendations.merchandising.limits import MAX_ACTIVE_RULES
from saleor_crm_plugin.recommendations.merchandising.models import MerchandisingRule

# Columns that arranging a list needs.
_COLUMNS: Final = (
    "pk",
    "name",
    "action",
    "position",
    "places",
    "factor",
    "priority",
    "product_ids",
    "category_ids",
    "collection_ids",
    "attribute_values",
    "channel_ids",
    "kinds",
    "segment_ids",
)


def in_force(now: datetime) -> QuerySet[MerchandisingRule]:
    """The rules that are switched on and have begun, but not ended."""
    return MerchandisingRule.objects.filter(
        Q(starts_at__isnull=True) | Q(starts_at__lte=now),
        Q(ends_at__isnull=True) | Q(ends_at__gt=now),
        is_active=True,
        deleted_at__isnull=True,
    )


def rows_in_force(now: datetime) -> ArraySubquery:
    """An annotation with the rules in force, for `rules_of`. An index tells at once where there are none.

    Cut off at the limit, which many rules that begin on one day may pass.
    """
    rows = in_force(now).order_by("-priority", "pk").annotate(row=JSONObject(**{name: name for name in _COLUMNS}))
    return ArraySubquery(rows.values("row")[:MAX_ACTIVE_RULES])


def rules_of(rows: Iterable[Mapping[str, Any]], channel_id: int) -> tuple[ListRule, ...]:
    """Of the rows, the rules that are for a channel."""
    return tuple(_rule(row) for row in rows if not row["channel_ids"] or channel_id in row["channel_ids"])


def _rule(row: Mapping[str, Any]) -> ListRule:
    return ListRule(
        rule_id=row["pk"],
        name=row["name"],
        action=RuleAction(row["action"]),
        targets=Targets(
            product_ids=tuple(row["product_ids"]),
            category_ids=frozenset(row["category_ids"]),
            collection_ids=frozenset(row["collection_ids"]),
            attribute_values={slug: frozenset(values) for slug, values in row["attribute_values"].items()},
        ),
        position=row["position"],
        places=row["places"],
        factor=row["factor"],
        priority=row["priority"],
        kinds=frozenset(row["kinds"]),
        segment_ids=frozenset(row["segment_ids"]),
    )
