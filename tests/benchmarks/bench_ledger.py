"""The ledger under load: clients that award and redeem, beside `pgbench` sending the same statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.benchmarks import ledger_load, pgbench
from tests.benchmarks.figures import Budget, Figure, Spread, duration
from tests.benchmarks.measuring import Bench, statements_of
from tests.benchmarks.pgbench import Load
from tests.benchmarks.scratch import scratch_database

CLIENTS = (1, 2, 4, 8, 16, 32)
# Entries of a call: an award and a redemption.
ENTRIES = 2
# How much more than pgbench our clients may lose when they become many.
IN_THE_WAY = 1.5


def measure(bench: Bench) -> None:
    with scratch_database("bench_ledger") as connection:
        accounts = bench.size(10_000, 100)
        ledger_load.fill(connection, accounts)
        for name, some in (("many accounts", range(1, accounts + 1)), ("one account", range(1, 2))):
            script = ledger_load.script(connection, some)
            found = [_measured(bench, connection, name, some, script, count) for count in CLIENTS[: bench.size(6, 2)]]
            ours, theirs = (_fall(rates) for rates in zip(*found, strict=True))
            # More clients than processors wait, and must not be in each other's way more than PostgreSQL itself is.
            bench.say(
                f"{name}: most entries/s beside those of the most clients",
                ours,
                "times",
                budgets=(Budget("value", IN_THE_WAY * theirs),),
                note=f"pgbench: {theirs:.3g} times",
            )
        bench.say("audit afterwards: what does not add up", _wrong(), budgets=(Budget("value", 0),))


def _fall(rates: Sequence[float]) -> float:
    """How much less there is with the most clients than there is at best; 1 where nothing is known."""
    return max(rates) / rates[-1] if rates[-1] else 1


def _measured(
    bench: Bench, connection: Any, name: str, accounts: range, script: str, clients: int
) -> tuple[float, float]:
    """Report; returns entries per second, ours and those of pgbench."""
    program = pgbench.find()
    seconds = bench.size(2, 1)
    ours: list[ledger_load.Clients] = []
    theirs: list[Load] = []
    for run in range(bench.runs):
        sides = [lambda: ours.append(ledger_load.run(accounts, clients, seconds))]
        if program is not None:
            sides.append(lambda: theirs.append(pgbench.run(program, script, connection, clients, seconds)))
        for side in sides if run % 2 == 0 else reversed(sides):
            side()
    loads = [each.load for each in ours]
    medians, their_medians = ([float(np.median(each.seconds)) for each in some] for some in (loads, theirs))
    rate, other = _rate(loads), _rate(theirs) if theirs else None
    together = np.concatenate([each.seconds for each in loads])
    bench.report(
        Figure(
            f"clients that award and redeem, {name}",
            size=clients,
            seconds=Spread.of(medians),
            p95=float(np.percentile(together, 95)),
            p99=float(np.percentile(together, 99)),
            beside="pgbench" if theirs else "pgbench, which is not installed",
            theirs=Spread.of(their_medians) if theirs else None,
            ratio=Spread.of([mine / other for mine, other in zip(medians, their_medians, strict=True)])
            if theirs
            else None,
            value=rate.median,
            unit="entries/s",
            statements=statements_of(lambda: ledger_load.pair(accounts[0])),
            note=_note(rate, ours, other, theirs),
        )
    )
    return rate.median, other.median if other else 0


def _rate(loads: list[Load]) -> Spread:
    return Spread.of([ENTRIES * each.per_second for each in loads])


def _note(rate: Spread, ours: list[ledger_load.Clients], other: Spread | None, theirs: list[Load]) -> str:
    busy, each = (float(np.median(some)) for some in zip(*((one.busy, one.each) for one in ours), strict=True))
    note = (
        f"{rate.median:,.0f} entries/s ({rate.low:,.0f} to {rate.high:,.0f}),"
        f" {each / ENTRIES * 1000:.2g} ms of Python each ({busy:.0%} of the processors)"
    )
    if other is None:
        return note
    times = np.concatenate([load.seconds for load in theirs])
    tails = ", ".join(f"p{part} {duration(np.percentile(times, part))}" for part in (95, 99))
    return f"{note}; pgbench {other.median:,.0f} ({other.low:,.0f} to {other.high:,.0f}), {tails}"


def _wrong() -> int:
    from saleor_crm_plugin.loyalty import audit

    return sum(1 for check in audit.CHECKS for _ in audit.findings(check))
