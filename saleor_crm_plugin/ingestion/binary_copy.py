"""Rows of a query as numpy arrays, in a stream: no row ever becomes an object.

PostgreSQL's binary COPY sends rows of fixed width, if all columns have one and none is null, which numpy reads as they
are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connections

# Bytes gathered before they are taken apart.
CHUNK_BYTES = 8 * 1024 * 1024

_HEADER_LENGTH = 19
_TRAILER = b"\xff\xff"


def read_rows(
    using: str, query: str, parameters: Mapping[str, Any], columns: Mapping[str, str]
) -> Iterator[npt.NDArray[Any]]:
    """The rows of a query, as structured arrays of some `CHUNK_BYTES`.

    Args:
        columns: name -> big-endian numpy type of each column, all of which are never null.

    Raises:
        ConnectionError: the stream broke off.
    """
    row = row_type(columns)
    pending = bytearray()
    header = _HEADER_LENGTH
    with connections[using].cursor() as cursor:
        # COPY takes no parameters: they are bound here, by the driver.
        statement = cursor.mogrify(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", parameters)
        with cursor.copy(statement) as copy:
            for data in copy:
                pending += data
                if len(pending) >= CHUNK_BYTES:
                    whole = (len(pending) - header) // row.itemsize * row.itemsize
                    yield np.frombuffer(bytes(pending[header : header + whole]), dtype=row)
                    del pending[: header + whole]
                    header = 0
    if not pending.endswith(_TRAILER):
        raise ConnectionError("PostgreSQL's COPY ended early.")
    yield np.frombuffer(bytes(pending[header : -len(_TRAILER)]), dtype=row)


def row_type(columns: Mapping[str, str]) -> np.dtype[Any]:
    """A row of binary COPY: the number of fields, then each with its length before it."""
    fields = [("fields", ">i2")]
    for name, kind in columns.items():
        fields += [(f"{name}_length", ">i4"), (name, kind)]
    return np.dtype(fields)
