"""`make demo`: a shop with real purchases, then a purchase with points over HTTP, then a server to look around."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tqdm import tqdm

from demo import journey
from demo.client import Shop, StoryError
from demo.server import manage, running
from demo.story import Story

if TYPE_CHECKING:
    import subprocess

# Chosen by measurement: 250 households take 32 s on 2 idle cores and 76 s on busy ones, all 2,469 nine minutes.
DEFAULT_HOUSEHOLDS: Final = 250
PATIENCE_SECONDS: Final = 20
SERVER_LOG: Final = Path(__file__).resolve().parent.parent / ".devshop" / "server.log"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "--households",
        type=households,
        default=DEFAULT_HOUSEHOLDS,
        metavar="N",
        help=f"how many households' purchases, 1 to {journey.HOUSEHOLDS} ({DEFAULT_HOUSEHOLDS})",
    )
    parser.add_argument("--no-serve", action="store_true", help="end after the purchase")
    options = parser.parse_args()
    # A terminated demo stops its server like an interrupted one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # Without a broker, tasks run within the request: the demo starts no worker.
    os.environ.pop("CELERY_BROKER_URL", None)
    began = time.monotonic()
    try:
        data = fill_the_shop(options.households)
        SERVER_LOG.parent.mkdir(exist_ok=True)
        with running(SERVER_LOG) as (url, server):
            buy_something(url, data)
            print(f"\nAll of it took {time.monotonic() - began:.0f} s.")
            if not options.no_serve:
                serve(url, server)
    except StoryError as error:
        print(f"\nFAILED: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def households(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= journey.HOUSEHOLDS:
        raise argparse.ArgumentTypeError(f"give a number from 1 to {journey.HOUSEHOLDS}, not {text!r}")
    return int(text)


def fill_the_shop(count: int) -> journey.Journey:
    from demo import database

    with step("An empty database"):
        database.prepare()
    with step("Migrations of the shop and the plugin"):
        # Its checks would say that migrations are missing.
        manage("migrate", "--verbosity", "0", "--skip-checks")
    with step(f"Purchases of {count:,} households (Complete Journey: simulated from real behaviour)"):
        data = journey.read(count, datetime.now(UTC))
        describe(data)
    with step("Into the shop, as Saleor would have left it"):
        write_history(data)
    with step("Backfill: profiles and points from the orders (manage.py crm_backfill)"):
        manage("crm_backfill")
    with step("Is anything missing? (manage.py crm_reconcile)"):
        manage("crm_reconcile")
    with step("Recommendations (manage.py crm_train)"):
        manage("crm_train")
    with step("What came out, checked against the purchases"):
        from demo import summary

        for line in summary.lines_of(data):
            print(f"   {line}")
    return data


def describe(data: journey.Journey) -> None:
    customers, orders = data.customers, data.orders
    print(
        f"   {len(data.lines):,} lines in {len(orders):,} baskets of {len(customers):,} customers, "
        f"{customers['is_guest'].sum():,} of them guests\n"
        f"   {data.left_out:,} lines are left out: fuel, coupons, nothing sold or nothing paid\n"
        f"   the days of 2017 are moved by {data.shifted_days:,}, so that the last basket was yesterday\n"
        f"   of the orders, {orders['canceled'].sum():,} are cancelled, {(orders['refunded'] > 0).sum():,} refunded, "
        f"{orders['imported'].sum():,} came by bulk import and earn nothing"
    )


def write_history(data: journey.Journey) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.devshop.settings"
    import django

    django.setup()
    from demo import history, shop
    from tests.devshop.samples import CUSTOMER_PASSWORD

    channel, warehouse = shop.open_shop()
    # In a log, where it would be one long line, the time of the step is enough.
    with tqdm(total=history.rows_of(data), unit="row", unit_scale=True, disable=None) as bar:
        history.write(data, channel, warehouse, CUSTOMER_PASSWORD, bar.update)
        bar.total = bar.n
    shop.switch_points_on(channel, data.orders["placed_at"].iloc[0])


def buy_something(url: str, data: journey.Journey) -> None:
    from tests.devshop.samples import CHANNEL, CUSTOMER_PASSWORD, STAFF_EMAIL, STAFF_PASSWORD

    customers = data.customers[~data.customers["is_guest"]]
    best = data.orders["customer"].value_counts().reindex(customers.index).idxmax()
    story = Story(Shop(url), CHANNEL, PATIENCE_SECONDS)
    print(f"\nNow live, over HTTP, at {url}")
    story.tell((customers["email"][best], CUSTOMER_PASSWORD), (STAFF_EMAIL, STAFF_PASSWORD), configure=False)


def serve(url: str, server: subprocess.Popen[bytes]) -> None:
    from tests.devshop.samples import logins, samples

    print(f"\nThe shop goes on at {url}: open it in a browser to ask it yourself. Ctrl-C stops it.")
    for login in logins():
        print(f"   {login.role:<10} {login.email}, password {login.password}")
    for sample in samples():
        print(f"   sample     {sample.title}{f' (as {sample.role})' if sample.role else ''}")
    print(f"   log        {SERVER_LOG}")
    server.wait()


@contextmanager
def step(title: str) -> Iterator[None]:
    print(f"-- {title}", flush=True)
    began = time.monotonic()
    yield
    print(f"   {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
