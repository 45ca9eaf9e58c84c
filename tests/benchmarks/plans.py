"""Where the time of a call goes: to Python, and what PostgreSQL says of planning and of running its statements."""

from __future__ import annotations

import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.measuring import Bench, Call

# A setting may come before: see `without_jit`.
_CAN_BE_EXPLAINED = re.compile(
    r"\s*(?P<setting>SET LOCAL [^;]+;)?(?P<statement>\s*(SELECT|WITH|INSERT|UPDATE|DELETE)\b.*)",
    re.IGNORECASE | re.DOTALL,
)


def divide(bench: Bench, name: str, calls: Sequence[Call]) -> None:
    """Reports the parts, each the median of half the calls. The rest is parsing, sending and waiting."""
    half = len(calls) // 2
    in_python = [_in_python(call) for call in calls[:half]]
    plans = [plans_of(call) for call in calls[half:]]
    bench.say(f"{name}: Python", statistics.median(in_python) * 1000, "ms", note="processor time")
    for what in ("planning", "executing"):
        spent = statistics.median(getattr(each, what) for each in plans)
        bench.say(f"{name}: PostgreSQL, {what}", spent * 1000, "ms", note="all statements together, by EXPLAIN")


def _in_python(call: Call) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


@dataclass
class Plans:
    """In seconds; without parsing, and without sending the statement and its rows."""

    planning: float = 0.0
    executing: float = 0.0


def plans_of(call: Call) -> Plans:
    """Calls once. Each statement runs once more before, explained and taken back; so it finds warm caches."""
    from django.db import connection, transaction

    plans, explains = Plans(), False

    def explain_first(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        nonlocal explains
        if not explains and (parts := _CAN_BE_EXPLAINED.fullmatch(sql)):
            explains = True
            with transaction.atomic(), connection.cursor() as cursor:
                if parts["setting"]:
                    cursor.execute(parts["setting"])
                explained = f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY, FORMAT JSON) {parts['statement']}"
                cursor.execute(explained, parameters)
                (found,) = cursor.fetchone()
                transaction.set_rollback(True)
            explains = False
            (plan,) = json.loads(found) if isinstance(found, str) else found
            plans.planning += plan["Planning Time"] / 1000
            plans.executing += plan["Execution Time"] / 1000
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explain_first):
        call()
    return plans
