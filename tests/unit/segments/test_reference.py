"""The reference of the language says what the code does, and the code reads only what every Saleor has."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from saleor_crm_plugin.ingestion import segment_names
from saleor_crm_plugin.ingestion.segment_fields import REGISTRY, SALEOR_COLUMNS
from saleor_crm_plugin.profiles.segments.parsing import parse
from saleor_crm_plugin.profiles.segments.registry import CountField, ScalarField, SetField
from tests.unit.recommendations.test_saleor_columns import FACTS, columns
from tests.unit.segments.reference import field_table, limit_table

THINGS = ("product", "category", "collection")
REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "segment-language.md"


def test_fields_and_limits_are_those_of_the_code():
    text = REFERENCE.read_text()
    assert field_table() in text
    assert limit_table() in text


def test_names_are_told_apart():
    assert len(REGISTRY.names) == len(set(REGISTRY.names)) == len(REGISTRY.fields) + 1


@pytest.mark.parametrize("field", REGISTRY.fields, ids=lambda field: field.name)
def test_each_field_can_be_written(field):
    assert field.description.endswith((".", "nothing."))
    parse(f"{field.name} IS NULL")


def test_the_example_of_the_reference_is_a_query():
    example = REFERENCE.read_text().split("```\n")[1]
    parse(example)


@pytest.mark.skipif(not FACTS, reason="the facts of Saleor's versions are not here")
@pytest.mark.parametrize("facts", FACTS, ids=[path.parent.name for path in FACTS])
def test_columns_exist(facts: Path) -> None:
    tables = {model["db_table"]: columns(model) for model in json.loads(facts.read_text()).values()}
    for table, wanted in SALEOR_COLUMNS.items():
        assert set(wanted) <= tables[table], table


def test_no_other_table_is_read() -> None:
    day, keys = datetime(2026, 1, 1, tzinfo=UTC), [1]
    arguments = {"now": day, "within": day, "currency": "USD", "purpose": "profiling"}
    texts = [*segment_names._KEYS.values(), *segment_names._KNOWN.values()]
    for field in REGISTRY.fields:
        things = {parameter.name: keys for parameter in field.parameters if parameter.required}
        match field:
            case ScalarField():
                texts.append(field.sql(arguments).sql)
            case SetField():
                texts += [rows.source().sql for rows in field.rows(arguments)]
            case CountField():
                given = arguments | {name: key for name, key in things.items() if name in THINGS}
                texts.append(field.rows(given).source().sql)
    tables = set(re.findall(r"\b(?:FROM|JOIN)\s+((?:account|channel|checkout|order|product)_\w+)", " ".join(texts)))
    assert tables == set(SALEOR_COLUMNS)
