"""What an analyst does beside the shop: a query read into a frame of polars or pandas, a frame into a table."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from typing import Any


def by(package: str, call: Callable[[], object], beside: str) -> dict[str, Any]:
    """The other side of a measurement, or where its package is not installed, what to install."""
    if importlib.util.find_spec(package) is None:
        return {"beside": f"pip install {package}"}
    return {"theirs": call, "beside": beside}


def read_polars(connection: Any, query: str) -> Any:
    import polars

    return polars.read_csv(io.BytesIO(_csv(connection, query)), try_parse_dates=True)


def read_pandas(connection: Any, query: str, dates: tuple[str, ...] = ()) -> Any:
    import pandas

    return pandas.read_csv(io.BytesIO(_csv(connection, query)), parse_dates=list(dates))


def _csv(connection: Any, query: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT csv, HEADER)") as copy:
        return b"".join(copy)


def write(connection: Any, columns: str, frame: Any) -> None:
    """To a table of its own, with all `columns` of the frame, by name and type."""
    text = frame.write_csv() if hasattr(frame, "write_csv") else frame.to_csv(index=False)
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS analysis; CREATE TABLE analysis ({columns})")
        with cursor.copy("COPY analysis FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(text)


def run(connection: Any, *statements: str, values: Any = None) -> None:
    """SQL by hand."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement, values)
