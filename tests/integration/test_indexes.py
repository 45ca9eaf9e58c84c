"""Every index costs each write of its table: none is there whose work another one does."""

from __future__ import annotations

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

# Of each index without a condition: its columns, in order.
_INDEXES = """
SELECT indrelid::regclass::text, indexrelid::regclass::text, indisunique,
    ARRAY(SELECT pg_get_indexdef(indexrelid, place, true) FROM generate_series(1, indnkeyatts) AS place)
FROM pg_index
WHERE indrelid::regclass::text LIKE 'crm\\_%' AND indpred IS NULL
"""
# With unique=True Django adds an index for LIKE. These tables have a few rows, or one for each request of an operator.
_FEW_ROWS = {"crm_customer_segment", "crm_data_request", "crm_loyalty_program", "crm_sync_state"}


def test_no_index_is_the_beginning_of_another() -> None:
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        indexes = cursor.fetchall()
    spare = {
        name: other
        for table, name, is_unique, columns in indexes
        for its_table, other, _, its_columns in indexes
        if not is_unique and table == its_table and name != other and its_columns[: len(columns)] == columns
        if table not in _FEW_ROWS
    }
    assert spare == {}
