"""Measures a real Saleor that has the plugin beside one that has not, both of which already run.

    python -m tests.benchmarks.shop_on_off --channel default-channel --customer ada@example.com \\
        --with http://127.0.0.1:8711/graphql/ http://127.0.0.1:8712/graphql/ \\
        --without http://127.0.0.1:8721/graphql/ http://127.0.0.1:8722/graphql/

Every request goes to both, one right after the other, who is first by lot. docs/how-to/measure-in-your-shop.md says
how to set the two up. Leaves an order for each visit in both. Passwords: ON_OFF_CUSTOMER_PASSWORD,
ON_OFF_STAFF_PASSWORD, or it asks. Prints a table, adds the figures to a JSON file; ends with 1 where a budget is
missed.
"""

from __future__ import annotations

import argparse
import gc
import getpass
import os
import random
import sys
import time
from collections import Counter as TextCounter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import reporting
from tests.benchmarks.figures import Budget, Figure
from tests.benchmarks.shop_on_off import processes
from tests.benchmarks.shop_on_off.pairs import Pairs
from tests.benchmarks.shop_on_off.purchases import MEASURED, Buyer, ShopError
from tests.benchmarks.shop_on_off.statements import Counter, since, tables

OUTPUT = Path(".bench/figures.json")
VISITS = 600
WARM_UP_VISITS = 8
COUNTED_VISITS = 5
LOG_IN_EVERY_SECONDS = 120
OUR_TABLES = "crm_"


def main() -> int:
    options = _parser().parse_args()
    found: list[Figure] = []
    machine = reporting.machine()
    print(f"{machine['processors']} processors, {machine['processor']}, load {machine['load_before']}")
    print(reporting.header())
    try:
        for figure in _measure(options):
            found.append(figure)
            print(reporting.line(figure), flush=True)
    except ShopError as error:
        print(f"FAILED: {error}", file=sys.stderr)
        return 2
    reporting.write(options.output, machine, {options.name: [figure.as_json() for figure in found]})
    print(f"written to {options.output}")
    return 1 if any(figure.missed() for figure in found) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    many = {"nargs": "+", "metavar": "URL", "default": []}
    parser.add_argument("--with", dest="ours", help="API processes of the shop with the plugin", **many)
    parser.add_argument("--without", dest="theirs", help="those of the shop without", **many)
    parser.add_argument("--channel", default="default-channel", help="takes orders before they are paid")
    parser.add_argument("--customer", metavar="EMAIL", help="who buys, the same in both")
    parser.add_argument("--staff", metavar="EMAIL", help="who may handle payments: checkouts are paid, then completed")
    parser.add_argument("--visits", type=int, default=VISITS, help=f"of each side (default: {VISITS})")
    parser.add_argument("--no-broker", action="store_true", help="the shops have none: no budget holds")
    parser.add_argument(
        "--databases", nargs=2, metavar=("WITH", "WITHOUT"), help="postgres:// of both, with pg_stat_statements"
    )
    three = {"nargs": 3, "action": "append", "default": []}
    parser.add_argument(
        "--start", metavar=("NAME", "WITH", "WITHOUT"), help="commands whose time is a start-up", **three
    )
    parser.add_argument(
        "--memory", metavar=("NAME", "WITH", "WITHOUT"), help="process ids, divided by commas, read at the end", **three
    )
    parser.add_argument("--name", default="shop on and off", help="of these figures in the JSON file")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE", help=f"default: {OUTPUT}")
    return parser


def _measure(options: argparse.Namespace) -> Iterator[Figure]:
    if options.ours and options.theirs:
        customer = _person("ON_OFF_CUSTOMER_PASSWORD", options.customer)
        staff = _person("ON_OFF_STAFF_PASSWORD", options.staff) if options.staff else None
        sides = [
            [Buyer(url, options.channel, customer, staff) for url in urls] for urls in (options.ours, options.theirs)
        ]
        yield from _visits(sides[0], sides[1], options.visits, [] if options.no_broker else [Budget("ratio", 1.01)])
        if options.databases:
            yield from _statements(sides, options.databases, [] if options.no_broker else [Budget("value", 0)])
    for name, ours, theirs in options.memory:
        yield processes.memory(name, _numbers(ours), _numbers(theirs))
    for name, ours, theirs in options.start:
        yield processes.start_up(name, ours, theirs)


def _visits(ours: Sequence[Buyer], theirs: Sequence[Buyer], visits: int, budgets: Sequence[Budget]) -> Iterator[Figure]:
    """The times of both, in pairs; every process with the plugin meets every one without."""
    variants = ours[0].variants()
    if variants != theirs[0].variants():
        raise ShopError("The two shops do not sell the same: they must be copies of one database.")
    dice = random.Random(1)
    for buyer in (*ours, *theirs):
        for _ in range(WARM_UP_VISITS):
            for _, step in buyer.visit(*dice.sample(variants, 2)):
                step()
    pairs = {name: Pairs() for name in MEASURED}
    logged_in_at = 0.0
    gc.collect()
    gc.disable()
    for visit in range(visits):
        if time.monotonic() - logged_in_at > LOG_IN_EVERY_SECONDS:
            for buyer in (*ours, *theirs):
                buyer.log_in()
            logged_in_at = time.monotonic()
        met = visit % len(ours), visit // len(ours) % len(theirs)
        bought = dice.sample(variants, 2)
        both = zip(ours[met[0]].visit(*bought), theirs[met[1]].visit(*bought), strict=True)
        for (name, with_it), (_, without_it) in both:
            seconds = (with_it(), without_it()) if dice.random() < 0.5 else (without_it(), with_it())[::-1]
            if name in pairs:
                pairs[name].add(met, *seconds)
    gc.enable()
    for name, some in pairs.items():
        yield some.figure(name, budgets if name == "checkoutComplete" else ())


def _statements(
    sides: Sequence[Sequence[Buyer]], databases: Sequence[str], budgets: Sequence[Budget]
) -> Iterator[Figure]:
    ran: list[dict[str, TextCounter[str]]] = [{}, {}]
    with ExitStack() as stack:
        for side, database in enumerate(databases):
            counter = stack.enter_context(Counter(database))
            buyer = sides[side][0]
            variants = buyer.variants()
            for _ in range(COUNTED_VISITS):
                for name, step in buyer.visit(*variants[:2]):
                    before = counter.calls()
                    step()
                    found = since(before, counter.calls())
                    # The least: what Saleor looks up once and then remembers is not of the operation.
                    ran[side][name] = min(ran[side].get(name, found), found, key=TextCounter.total)
    for name in MEASURED:
        ours, theirs = (side[name] for side in ran)
        yield Figure(
            f"SQL of {name}",
            value=ours.total() - theirs.total(),
            unit="more",
            beside=f"{theirs.total()} without",
            statements=ours.total(),
            note=tables(ours - theirs),
        )
    touching = sum(times for some in ran[0].values() for text, times in some.items() if OUR_TABLES in text)
    yield Figure("SQL that names our tables, of a visit", value=touching, budgets=tuple(budgets))


def _person(variable: str, email: str | None) -> tuple[str, str]:
    if not email:
        raise ShopError("Say who buys, with --customer.")
    return email, os.environ.get(variable) or getpass.getpass(f"Password of {email}: ")


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
