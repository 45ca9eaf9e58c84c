"""Errors as they may stand in a log: what failed and where, without the values that it failed on.

PostgreSQL quotes the row that it refuses (`DETAIL: Key (value)=(ann@example.com) already exists.`), and Python the text
that is no number. Both can be somebody's name or address, and logs are read, shipped and kept by others than the shop's
database is. The names of tables, columns and constraints say as much to whoever mends it.
"""

from __future__ import annotations

from django.db import Error as DjangoDatabaseError

from saleor_crm_plugin.exceptions import CRMError

# SQLSTATE class 22, data exception: already the first line quotes the value.
DATA_EXCEPTION = "22"
# Longer chains of causes are a fault of their own.
MAX_CAUSES = 10


class FailedError(CRMError):
    """Stands in a log for an error of the kind that its message names."""


def told(error: BaseException) -> FailedError:
    """What to hand to a logger as `exc_info`: the error's kind, place and causes, without values."""
    first = last = _stand_in(error)
    for _ in range(MAX_CAUSES):
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None:
            break
        error = cause
        last.__cause__ = _stand_in(error)
        last = last.__cause__
    return first


def shorten(error: DjangoDatabaseError | UnicodeEncodeError) -> None:
    """Take the values out of a database error that is about to leave for somebody else's log."""
    seen: set[int] = set()
    while isinstance(error, BaseException) and id(error) not in seen:
        seen.add(id(error))
        if _is_of_database(error):
            error.args = (_first_line(error),)
        error = error.__cause__ or error.__context__  # type: ignore[assignment]


def summary(error: BaseException) -> str:
    """One line: the kind of error and, where it holds no values, what it says."""
    name = type(error).__name__
    if _is_of_database(error):
        return f"{name}: {_first_line(error)}"
    return f"{name}: {error}" if isinstance(error, CRMError | OSError) else name


def _stand_in(error: BaseException) -> FailedError:
    return FailedError(summary(error)).with_traceback(error.__traceback__)


def _is_of_database(error: BaseException) -> bool:
    return isinstance(error, DjangoDatabaseError) or hasattr(error, "sqlstate")


def _first_line(error: BaseException) -> str:
    """Below it stand the row (DETAIL), the query, and where in a function it was (CONTEXT)."""
    state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None) or ""
    if state.startswith(DATA_EXCEPTION):
        return f"a value that the column cannot hold (SQLSTATE {state})"
    return str(error).partition("\n")[0]
