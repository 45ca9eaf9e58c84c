"""What PostgreSQL says about the statements of a call: how long it plans them, and how long it runs them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_CAN_BE_EXPLAINED = re.compile(r"\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)


@dataclass
class Plans:
    """In seconds; without parsing, and without sending the statement and its rows."""

    planning: float = 0.0
    executing: float = 0.0


def plans_of(call: Callable[[], object]) -> Plans:
    """Calls once. Each statement runs once more before, explained and taken back; so it finds warm caches."""
    from django.db import connection, transaction

    plans, explains = Plans(), False

    def explained(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        nonlocal explains
        if not explains and _CAN_BE_EXPLAINED.match(sql):
            explains = True
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY, FORMAT JSON) {sql}", parameters)
                (found,) = cursor.fetchone()
                transaction.set_rollback(True)
            explains = False
            (plan,) = json.loads(found) if isinstance(found, str) else found
            plans.planning += plan["Planning Time"] / 1000
            plans.executing += plan["Execution Time"] / 1000
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explained):
        call()
    return plans
