"""The processes of the shop, started once and put back in order before each drill."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from saleor.channel.models import Channel
from saleor.core.db.connection import allow_writer
from saleor.permission.enums import PaymentPermissions

from tests.devshop.factories import make_channel, make_customer, make_product, make_staff
from tests.faults.harness import points
from tests.faults.harness.broker import Broker, redis_server
from tests.faults.harness.processes import Process
from tests.faults.harness.street import Shop
from tests.faults.harness.worker import Worker
from tests.shop_settings import loyalty_settings

NO_REDIS = "there is no redis-server here: install it (apt-get install redis-server), or requirements/dev.txt"
STAND_IN = "the processes of the drills run the stand-in's settings"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        item.add_marker(pytest.mark.devshop(STAND_IN))
        item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.django_db(transaction=True, databases=list(settings.DATABASES)))
        if "broker" in getattr(item, "fixturenames", ()) and redis_server() is None:
            item.add_marker(pytest.mark.skip(reason=NO_REDIS))


@pytest.fixture(autouse=True)
def _writer() -> Iterator[None]:
    with allow_writer():
        yield


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="session")
def broker(logs: Path) -> Iterator[Broker]:
    broker = Broker(logs)
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def environment(django_db_setup: None) -> dict[str, str]:
    """Of every process: the database of the tests, and the keys that tokens are signed with."""
    place = {name: connection.settings_dict[name] for name in ("NAME", "HOST", "PORT", "USER", "PASSWORD")}
    return {"CRM_FAULTS_DATABASE": json.dumps(place), "SECRET_KEY": settings.SECRET_KEY}


@pytest.fixture(scope="session")
def online(environment: dict[str, str], broker: Broker) -> dict[str, str]:
    return {**environment, "CELERY_BROKER_URL": broker.url}


@pytest.fixture(scope="session")
def street(logs: Path, online: dict[str, str]) -> Iterator[Shop]:
    shop = Shop(logs, online)
    yield shop
    shop.process.stop()


@pytest.fixture
def shop(street: Shop, broker: Broker, channel: Channel) -> Shop:
    """The web server, which has sold nothing yet; no hint waits."""
    if broker.was_away:
        # It gives no hints for a while after that.
        street.process.stop()
        broker.was_away = False
    if not street.process.is_running():
        street.start()
    broker.empty()
    street.sold.clear()
    street.cashier = make_staff("cashier@example.com", [PaymentPermissions.HANDLE_PAYMENTS])
    return street


@pytest.fixture(scope="session")
def running(logs: Path) -> Iterator[list[Worker]]:
    """The one worker that drills share, if it runs."""
    shared: list[Worker] = []
    yield shared
    for worker in shared:
        worker.process.kill()


@pytest.fixture
def worker(running: list[Worker], logs: Path, online: dict[str, str], broker: Broker) -> Worker:
    """One worker with one process, for drills that leave it running."""
    if not running or not running[0].process.is_running():
        running[:] = [Worker(broker, logs, online)]
    return running[0]


@pytest.fixture
def start_worker(
    running: list[Worker], logs: Path, online: dict[str, str], broker: Broker
) -> Iterator[Callable[..., Worker]]:
    """Start workers of the drill's own, and no other runs: `start_worker(role, processes, SETTING=...)`."""
    for worker in running:
        worker.process.kill()
    started: list[Worker] = []

    def start(role: str, processes: int = 1, **more: str) -> Worker:
        started.append(Worker(broker, logs, {**online, **more}, role, processes))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()


@pytest.fixture
def run_command(logs: Path, environment: dict[str, str]) -> Callable[..., Process]:
    def run(*arguments: str, **more: str) -> Process:
        log = logs / f"command-{os.urandom(4).hex()}.log"
        return Process.of_ours("command", *arguments, log=log, environment={**environment, **more})

    return run


@pytest.fixture
def stoppable(db: None) -> Iterator[None]:
    """Processes can be stopped at their n-th write, see `harness.points`."""
    points.install()
    yield
    points.remove()


@pytest.fixture
def channel(db: None) -> Channel:
    """Earns a point for each dollar, and takes points."""
    channel = make_channel()
    loyalty_settings(channel, points_per_unit="1", point_value="0.01", earn_from="2000-01-01T00:00:00+00:00")
    return channel


@pytest.fixture
def ann(db: None) -> Any:
    return make_customer("ann@example.com")


@pytest.fixture
def tea(channel: Channel) -> Any:
    return make_product("Tea", 40, channel, stock=None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """What the processes have said goes with a failed drill."""
    report = yield
    directory = item.funcargs.get("logs") if hasattr(item, "funcargs") else None  # type: ignore[attr-defined]
    if report.failed and directory is not None:
        for log in sorted(directory.glob("*.log")):
            report.sections.append((log.name, log.read_text(errors="replace")[-8000:]))
    return report
