"""The tables and columns of Saleor that timelines and sweeps read are those of every supported version."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from saleor_crm_plugin.ingestion import checkout_events, differences, order_events
from tests.unit.recommendations.test_saleor_columns import FACTS, columns

READ = {
    "orders": (order_events._FACTS, order_events.SALEOR_COLUMNS),
    "checkouts": (checkout_events._CHECKOUTS, checkout_events.SALEOR_COLUMNS),
    "differences": (
        " ".join((differences._SWEEP, differences._GONE, differences._UNTOUCHED, differences._LATELY)),
        differences.SALEOR_COLUMNS,
    ),
}


@pytest.mark.skipif(not FACTS, reason="the facts of Saleor's versions are not here")
@pytest.mark.parametrize("facts", FACTS, ids=[path.parent.name for path in FACTS])
@pytest.mark.parametrize("read", READ)
def test_columns_exist(facts: Path, read: str) -> None:
    tables = {model["db_table"]: columns(model) for model in json.loads(facts.read_text()).values()}
    for table, wanted in READ[read][1].items():
        assert set(wanted) <= tables[table], table


@pytest.mark.parametrize("read", READ)
def test_no_other_table_is_read(read: str) -> None:
    query, known = READ[read]
    assert set(re.findall(r"\b(?:FROM|JOIN)\s+((?:account|order|payment|checkout)_\w+)", query)) == set(known)
