"""The ledger under load: clients that award and redeem, beside `pgbench` sending the same statements."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.benchmarks import ledger_load, pgbench
from tests.benchmarks.figures import Budget, Figure, Spread
from tests.benchmarks.measuring import Bench, statements_of
from tests.benchmarks.pgbench import Load
from tests.benchmarks.scratch import scratch_database

CLIENTS = (1, 2, 4, 8, 16, 32)
# Entries of a call: an award and a redemption.
ENTRIES = 2


def measure(bench: Bench) -> None:
    with scratch_database("bench_ledger") as connection:
        accounts = bench.size(10_000, 100)
        ledger_load.fill(connection, accounts)
        for name, some in (("many accounts", range(1, accounts + 1)), ("one account", range(1, 2))):
            rates = {count: _measured(bench, connection, name, some, count) for count in CLIENTS[: bench.size(6, 2)]}
            # More clients than processors wait, and must not be in each other's way beyond that.
            bench.say(
                f"{name}: most entries a second / those of {max(rates)} clients",
                max(rates.values()) / rates[max(rates)],
                budgets=(Budget("value", 1.25),),
            )
        bench.say("audit afterwards: what does not add up", _wrong(), budgets=(Budget("value", 0),))


def _measured(bench: Bench, connection: Any, name: str, accounts: range, clients: int) -> float:
    """Report; returns our entries per second."""
    program = pgbench.find()
    seconds = bench.size(2, 1)
    script = ledger_load.script(connection, accounts)
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
    rate = _rate(loads)
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
            note=_note(rate, theirs, float(np.median([each.busy for each in ours]))),
        )
    )
    return rate.median


def _rate(loads: list[Load]) -> Spread:
    return Spread.of([ENTRIES * each.per_second for each in loads])


def _note(rate: Spread, theirs: list[Load], busy: float) -> str:
    note = f"{rate.median:,.0f} entries/s ({rate.low:,.0f} to {rate.high:,.0f}), {busy:.0%} of the processors in Python"
    if not theirs:
        return note
    other, times = _rate(theirs), np.concatenate([each.seconds for each in theirs]) * 1000
    tails = ", ".join(f"p{part} {np.percentile(times, part):,.3g} ms" for part in (95, 99))
    return f"{note}; pgbench {other.median:,.0f} ({other.low:,.0f} to {other.high:,.0f}), {tails}"


def _wrong() -> int:
    from saleor_crm_plugin.loyalty import audit

    return sum(1 for check in audit.CHECKS for _ in audit.findings(check))
