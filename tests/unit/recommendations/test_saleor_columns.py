"""The tables and columns of Saleor that we read by name are those of every supported version."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from saleor_crm_plugin.ingestion import (
    channels,
    customer_types,
    export_training,
    favorites,
    import_training,
    purchases,
    unread_orders,
)
from saleor_crm_plugin.recommendations import serving_sold, serving_sql
from saleor_crm_plugin.recommendations.arranging import Policy
from saleor_crm_plugin.recommendations.kinds import RecommendationKind
from saleor_crm_plugin.recommendations.merchandising import targets_sql
from saleor_crm_plugin.recommendations.merchandising.candidates_sql import Ruled
from saleor_crm_plugin.recommendations.merchandising.definition import ListRule, RuleAction, Targets
from saleor_crm_plugin.recommendations.merchandising.policy import ListPolicy
from saleor_crm_plugin.recommendations.tracking import attribution, outcome, recording

ROOT = Path(__file__).parents[3]
FACTS = [
    path
    for folder in (ROOT / "tests" / "contract" / "facts", ROOT.parent / "shared" / "saleor-facts")
    for path in sorted(folder.glob("*/models.json"))
]
QUERIES = [
    serving_sql.statement(serving_sql.Shape(kind, *shape))
    for kind in RecommendationKind
    for shape in itertools.product((True, False), repeat=4)
]


def _with_rules() -> str:
    """The statement with a pin by each kind of target, limits and places for new products."""
    targets = (
        Targets(product_ids=(1,)),
        Targets(collection_ids=frozenset({1})),
        Targets(attribute_values={"brand": frozenset({"acme"})}),
        Targets(category_ids=frozenset({1})),
    )
    rules = tuple(ListRule(number, "Rule", RuleAction.PIN, target) for number, target in enumerate(targets))
    policy = Policy(rules, ListPolicy("brand", 1, 1, 1))
    shape = serving_sql.Shape(RecommendationKind.BESTSELLERS, False, False, False, False, with_extras=True)
    return Ruled(serving_sql.statement(shape), [policy], timezone.now()).sql


OF_RULES = {**serving_sold.SALEOR_COLUMNS, **targets_sql.SALEOR_COLUMNS}


@pytest.mark.skipif(not FACTS, reason="the facts of Saleor's versions are not here")
@pytest.mark.parametrize("facts", FACTS, ids=[path.parent.name for path in FACTS])
@pytest.mark.parametrize(
    "read",
    [
        serving_sold.SALEOR_COLUMNS,
        targets_sql.SALEOR_COLUMNS,
        purchases.SALEOR_COLUMNS,
        favorites.SALEOR_COLUMNS,
        customer_types.SALEOR_COLUMNS,
        export_training.SALEOR_COLUMNS,
        import_training.SALEOR_COLUMNS,
        recording.SALEOR_COLUMNS,
        attribution.SALEOR_COLUMNS,
        outcome.SALEOR_COLUMNS,
        channels.SALEOR_COLUMNS,
        unread_orders.SALEOR_COLUMNS,
    ],
    ids=[
        "serving",
        "merchandising",
        "purchases",
        "favorites",
        "customer types",
        "export",
        "import",
        "recording",
        "attribution",
        "hold-out",
        "moved orders",
        "unread orders",
    ],
)
def test_columns_exist(facts: Path, read: dict[str, tuple[str, ...]]) -> None:
    tables = {model["db_table"]: columns(model) for model in json.loads(facts.read_text()).values()}
    for table, wanted in read.items():
        assert set(wanted) <= tables[table], table


def columns(model: dict[str, Any]) -> set[str]:
    return {
        f"{name}_id" if field["type"] in {"ForeignKey", "OneToOneField"} else name
        for name, field in model["fields"].items()
    }


@pytest.mark.parametrize(
    ("queries", "known"),
    [
        (QUERIES, serving_sold.SALEOR_COLUMNS),
        ([_with_rules()], {table: OF_RULES[table] for table in OF_RULES if not table.startswith("order_")}),
        ([purchases.LINES, purchases.CATEGORIES], purchases.SALEOR_COLUMNS),
        ([favorites.FAVORITES], favorites.SALEOR_COLUMNS),
        ([customer_types.SIGNS], customer_types.SALEOR_COLUMNS),
        (
            [export_training.EXPORTED_LINES, export_training.EXPORTED_PRODUCTS],
            export_training.SALEOR_COLUMNS,
        ),
        (
            [import_training.CUSTOMERS, import_training.PRODUCTS, import_training.BOUGHT],
            import_training.SALEOR_COLUMNS,
        ),
        ([recording.RECORD], recording.SALEOR_COLUMNS),
        ([attribution.ATTRIBUTED], attribution.SALEOR_COLUMNS),
        ([outcome.SPENT], outcome.SALEOR_COLUMNS),
        ([channels.MOVED, channels.MOVED_ANSWERS], channels.SALEOR_COLUMNS),
        ([unread_orders.FORGET_UNREAD], unread_orders.SALEOR_COLUMNS),
    ],
    ids=[
        "serving",
        "merchandising",
        "purchases",
        "favorites",
        "customer types",
        "export",
        "import",
        "recording",
        "attribution",
        "hold-out",
        "moved orders",
        "unread orders",
    ],
)
def test_no_other_table_is_read(queries: list[str], known: dict[str, tuple[str, ...]]) -> None:
    tables = set(
        re.findall(r"\b(?:FROM|JOIN)\s+((?:account|attribute|channel|product|order|warehouse)_\w+)", " ".join(queries))
    )

    assert tables == set(known)
