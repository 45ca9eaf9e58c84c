"""The queries in the documents: each is one that the shop accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from graphql import parse, validate
from saleor.graphql.api import schema

from saleor_crm_plugin.graphql.additions import ADDITIONS
from tests.graphql.pristine import build_pristine, own_types

REPOSITORY = Path(__file__).parents[2]
REFERENCE = REPOSITORY / "docs" / "reference" / "graphql.md"
BLOCK = re.compile(r"^```graphql\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]
QUERIES = [
    pytest.param(query, id=f"{path.relative_to(REPOSITORY)}:{number}")
    for path in DOCUMENTS
    for number, query in enumerate(BLOCK.findall(path.read_text()), start=1)
]


# Fields of Saleor's that the stand-in shop does without.
ONLY_IN_SALEOR = {
    'Cannot query field "thumbnail" on type "Product".',
    'Cannot query field "updatePrivateMetadata" on type "Mutation".',
    'Cannot query field "updateMetadata" on type "Mutation".',
}


@pytest.mark.parametrize("query", QUERIES)
def test_queries_are_valid(query):
    assert {str(error) for error in validate(schema, parse(query))} <= ONLY_IN_SALEOR


def test_the_reference_names_every_field():
    text = REFERENCE.read_text()
    missing = [addition.name for addition in ADDITIONS if addition.name not in text]
    for name in own_types(build_pristine()):
        if name.endswith(("Connection", "Edge", "Input")):
            continue
        added = schema.get_type(name)
        missing += [field for field in getattr(added, "fields", ()) if field not in text]
        if name.endswith(("ErrorCode", "KindEnum", "TypeEnum", "LimitEnum")):
            missing += [value.name for value in added.values if value.name not in text]
    assert missing == []
