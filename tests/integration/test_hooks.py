"""Saleor calls us after each change: nothing of ours may reach the buyer, and with a broker nothing costs SQL.

A test without the mark `django_db` fails at any attempt to use the database.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from types import SimpleNamespace
from typing import Any, ClassVar
from unittest import mock
from uuid import UUID

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.db import OperationalError, connections, transaction
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import path
from kombu import Connection
from saleor.celeryconf import app
from saleor.core.db.connection import restrict_writer
from saleor.order.models import Order
from saleor.plugins.manager import get_plugins_manager
from saleor.plugins.models import PluginConfiguration

from saleor_crm_plugin.ingestion import hooks, logs, sync
from saleor_crm_plugin.ingestion.broker import BrokerPausedError, impatient_connection
from saleor_crm_plugin.ingestion.models import OrderSync
from saleor_crm_plugin.plugin import CRMPlugin, LoyaltySettingsPlugin
from saleor_crm_plugin.profiles.models import CustomerProfile
from tests.devshop.factories import make_customer, make_order, make_site
from tests.devshop.flows import announce_order
from tests.web_servers import get_by_asgi, get_by_wsgi

PLUGINS = ["saleor_crm_plugin.plugin.CRMPlugin", "saleor_crm_plugin.plugin.LoyaltySettingsPlugin"]
TASKS = "saleor_crm_plugin.ingestion.tasks"
BROKER = "memory://"

ORDER_HOOKS = [
    "order_created",
    "order_confirmed",
    "order_updated",
    "order_refunded",
    "order_metadata_updated",
]
FULFILLMENT_HOOKS = ["fulfillment_created", "fulfillment_approved", "fulfillment_canceled"]
CUSTOMER_HOOKS = [
    "customer_created",
    "customer_updated",
    "customer_metadata_updated",
    "customer_deleted",
    "account_confirmed",
    "account_email_changed",
    "account_deleted",
]
ORDER_ID = UUID("00000000-0000-4000-8000-000000000001")
OTHER_ID = UUID("00000000-0000-4000-8000-000000000002")

Message = tuple[str, list[Any]]


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """As if nothing had failed or been logged before."""
    hooks.publisher.reset()
    logs.forget_logged()
    yield
    hooks.publisher.reset()
    logs.forget_logged()


@contextmanager
def celery_settings(**changes: Any) -> Iterator[None]:
    before = {name: app.conf[name] for name in changes}
    # Until Celery 5.6, Django's setting goes before a change that has not its name.
    app.conf.update({f"CELERY_{name.upper()}": value for name, value in changes.items()})
    try:
        yield
    finally:
        app.conf.update({f"CELERY_{name.upper()}": value for name, value in before.items()})


@pytest.fixture
def sent() -> Iterator[Callable[[], list[Message]]]:
    """A broker is set; the messages it got since the last call."""
    with celery_settings(task_always_eager=False, broker_url=BROKER), Connection(BROKER) as connection:
        queue = connection.SimpleQueue(app.conf.task_default_queue)
        queue.clear()

        def messages() -> list[Message]:
            found = []
            while len(queue):
                message = queue.get_nowait()
                message.ack()
                found.append((message.headers["task"], message.payload[0]))
            return found

        yield messages
        queue.clear()
        queue.close()


@contextmanager
def failing_database() -> Iterator[list[str]]:
    """Every statement fails; yields the statements tried."""
    statements: list[str] = []

    def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append(sql)
        raise OperationalError("the server closed the connection unexpectedly")

    with ExitStack() as stack:
        for connection in connections.all():
            stack.enter_context(connection.execute_wrapper(fail))
        yield statements


def of_ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name.startswith("saleor_crm_plugin")]


def order(pk: UUID = ORDER_ID) -> Any:
    return SimpleNamespace(pk=pk)


class TestWithABroker:
    @pytest.mark.parametrize(
        ("hook", "subject", "message"),
        [
            *[(hook, order(), (f"{TASKS}.sync_order_task", [str(ORDER_ID)])) for hook in ORDER_HOOKS],
            *[
                (hook, SimpleNamespace(pk=7, order_id=ORDER_ID), (f"{TASKS}.sync_order_task", [str(ORDER_ID)]))
                for hook in FULFILLMENT_HOOKS
            ],
            *[(hook, SimpleNamespace(pk=42), (f"{TASKS}.sync_customer_task", [42])) for hook in CUSTOMER_HOOKS],
            (
                "checkout_updated",
                SimpleNamespace(pk=ORDER_ID, user_id=42),
                (f"{TASKS}.refit_hold_task", [str(ORDER_ID)]),
            ),
            ("order_bulk_created", [order()], (f"{TASKS}.sync_orders_task", [[str(ORDER_ID)]])),
        ],
    )
    def test_each_hook_sends_one_message_of_ids_and_no_sql(
        self, sent: Callable[[], list[Message]], hook: str, subject: Any, message: Message
    ) -> None:
        plugin = CRMPlugin(configuration=[], active=True)
        with failing_database() as statements:
            returned = getattr(plugin, hook)(
                subject, previous_value="what the plugin before returned", webhooks=None, something_new=True
            )
        assert statements == []
        assert returned == "what the plugin before returned"
        assert sent() == [message]

    def test_these_are_all_the_hooks(self) -> None:
        ours = {name for name in vars(CRMPlugin) if getattr(vars(CRMPlugin)[name], "__name__", "") == "hook"}
        assert ours == {*ORDER_HOOKS, *FULFILLMENT_HOOKS, *CUSTOMER_HOOKS, "checkout_updated", "order_bulk_created"}

    @pytest.mark.parametrize(("code", "is_told"), [(None, False), ("SAVE10", False), ("LP-abc", True)])
    def test_the_checkout_of_a_guest_has_points_only_if_it_was_a_users(
        self, sent: Callable[[], list[Message]], code: str | None, is_told: bool
    ) -> None:
        hooks.checkout_changed(SimpleNamespace(pk=ORDER_ID, user_id=None, voucher_code=code))
        assert sent() == [(f"{TASKS}.refit_hold_task", [str(ORDER_ID)])] * is_told

    @pytest.mark.parametrize(
        ("user_id", "stored", "is_told"),
        [
            (None, {"point_value": "0.01", "redemption_form": "gift card"}, True),
            (None, {"point_value": "0.01", "redemption_form": "voucher"}, False),
            (None, {"point_value": "", "redemption_form": "gift card"}, False),
            (None, {}, False),
            # Of those of users the other plugin tells.
            (42, {"point_value": "0.01", "redemption_form": "gift card"}, False),
        ],
    )
    def test_where_points_are_gift_cards_any_guest_may_have_been_a_user(
        self, sent: Callable[[], list[Message]], user_id: int | None, stored: dict[str, str], is_told: bool
    ) -> None:
        configuration = [{"name": name, "value": value} for name, value in stored.items()]
        plugin = LoyaltySettingsPlugin(configuration=configuration, active=True)
        checkout = SimpleNamespace(pk=ORDER_ID, user_id=user_id)
        with failing_database() as statements:
            assert plugin.checkout_updated(checkout, previous_value="before", webhooks=None) == "before"
        assert statements == []
        assert sent() == [(f"{TASKS}.refit_hold_task", [str(ORDER_ID)])] * is_told

    @pytest.mark.django_db(transaction=True)
    def test_saleors_manager_reaches_us_and_adds_no_sql(
        self, settings: Any, sent: Callable[[], list[Message]], customer: Any
    ) -> None:
        settings.PLUGINS = PLUGINS
        placed = make_order(customer)
        manager = get_plugins_manager(allow_replica=False)
        manager.order_created(placed)  # loads the plugins' configuration, as in any shop
        sent()
        with failing_database() as statements:
            manager.order_created(placed)
            manager.order_updated(placed, webhooks=set())
            manager.customer_updated(customer)
            manager.account_confirmed(customer)
            manager.order_bulk_created([placed])
        assert statements == []
        assert sent() == [
            (f"{TASKS}.sync_order_task", [str(placed.pk)]),
            (f"{TASKS}.sync_order_task", [str(placed.pk)]),
            (f"{TASKS}.sync_customer_task", [customer.pk]),
            (f"{TASKS}.sync_customer_task", [customer.pk]),
            (f"{TASKS}.sync_orders_task", [[str(placed.pk)]]),
        ]

    @pytest.mark.django_db(transaction=True)
    def test_an_order_that_is_paid_at_once_is_told_of_three_times(
        self, settings: Any, sent: Callable[[], list[Message]], customer: Any
    ) -> None:
        settings.PLUGINS = PLUGINS
        placed = make_order(customer)
        placed.channel.automatically_confirm_all_new_orders = True
        placed.channel.save()
        sent()
        # Created, paid and confirmed, of which Saleor tells in five hooks.
        announce_order(placed)
        assert sent() == [(f"{TASKS}.sync_order_task", [str(placed.pk)])] * 3

    @pytest.mark.django_db(transaction=True)
    def test_a_switched_off_plugin_hears_nothing(
        self, settings: Any, sent: Callable[[], list[Message]], customer: Any
    ) -> None:
        settings.PLUGINS = PLUGINS
        PluginConfiguration.objects.create(identifier="crm", active=False, configuration=[])
        get_plugins_manager(allow_replica=False).order_created(make_order(customer))
        assert sent() == []

    @pytest.mark.django_db(transaction=True)
    def test_a_message_goes_out_after_the_commit_and_not_at_all_after_a_rollback(
        self, sent: Callable[[], list[Message]]
    ) -> None:
        with transaction.atomic():
            hooks.order_changed(order())
            assert sent() == []
        assert sent() == [(f"{TASKS}.sync_order_task", [str(ORDER_ID)])]

        with transaction.atomic():
            hooks.order_changed(order())
            transaction.set_rollback(True)
        assert sent() == []

    def test_an_import_goes_out_in_batches(self, sent: Callable[[], list[Message]]) -> None:
        orders = [order(UUID(int=number)) for number in range(1, 1002)]
        hooks.orders_imported(iter(orders))
        assert [len(arguments[0]) for _task, arguments in sent()] == [500, 500, 1]

    def test_saved_settings_go_out_as_a_hint_without_anything_in_it(self, sent: Callable[[], list[Message]]) -> None:
        hooks.settings_saved()
        [(task, arguments)] = sent()
        assert (task.rpartition(".")[2], list(arguments)) == ("apply_consent_policy_task", [])

    def test_a_customer_whose_key_django_has_taken_away_is_left_to_reconciliation(
        self, sent: Callable[[], list[Message]]
    ) -> None:
        hooks.customer_deleted(SimpleNamespace(pk=None))
        assert sent() == []


def tell_of_an_order(request: Any) -> HttpResponse:
    """A view. As an order that is paid at once, of a customer who is told about too."""
    for _ in range(3):
        hooks.order_changed(order())
    hooks.customer_changed(SimpleNamespace(pk=42))
    hooks.orders_imported([order()])
    return HttpResponse(b"thank you")


def tell_and_break_off(request: Any) -> HttpResponse:
    hooks.order_changed(order(OTHER_ID))
    raise RuntimeError("a fault of the shop's")


urlpatterns = [path("order/", tell_of_an_order), path("fault/", tell_and_break_off)]


@pytest.mark.django_db(transaction=True)
class TestInARequest:
    """The messages go out when the buyer has the answer, each once."""

    MESSAGES: ClassVar[list[Message]] = [
        (f"{TASKS}.sync_order_task", [str(ORDER_ID)]),
        (f"{TASKS}.sync_customer_task", [42]),
        (f"{TASKS}.sync_orders_task", [[str(ORDER_ID)]]),
    ]

    OTHER: ClassVar[Message] = (f"{TASKS}.sync_order_task", [str(OTHER_ID)])

    @pytest.fixture(autouse=True)
    def shop(self, settings: Any) -> None:
        settings.ROOT_URLCONF = __name__
        make_site()

    @pytest.mark.parametrize("get", [get_by_asgi, get_by_wsgi])
    def test_each_message_goes_out_once_after_the_answer(
        self, sent: Callable[[], list[Message]], get: Callable[..., int]
    ) -> None:
        for _ in range(2):
            before: list[list[Message]] = []
            assert get("/order/", lambda chunk, before=before: before.append(sent())) == 200
            assert before == [[]]
            assert sent() == self.MESSAGES

    def test_what_a_failed_request_has_told_goes_out_too(self, sent: Callable[[], list[Message]]) -> None:
        assert get_by_wsgi("/fault/", lambda chunk: None) == 500
        assert sent() == [self.OTHER]

    def test_a_request_that_breaks_off_leaves_its_messages_to_the_next(self, sent: Callable[[], list[Message]]) -> None:
        environ = RequestFactory().get("/fault/").environ
        WSGIHandler()(environ, lambda status, headers: None)
        assert sent() == []
        assert get_by_wsgi("/order/", lambda chunk: None) == 200
        assert sent() == [self.OTHER, *self.MESSAGES]

    def test_requests_of_other_threads_keep_theirs(self, sent: Callable[[], list[Message]]) -> None:
        def elsewhere(chunk: bytes) -> None:
            with ThreadPoolExecutor(1) as other:
                other.submit(hooks.order_changed, order()).result()
            assert sent() == self.MESSAGES[:1]

        assert get_by_wsgi("/order/", elsewhere) == 200
        assert sent() == self.MESSAGES

    def test_a_broker_that_is_down_costs_the_answer_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        with celery_settings(task_always_eager=False, broker_url=f"redis://127.0.0.1:{port}//"):
            assert get_by_asgi("/order/", lambda chunk: None) == 200
        assert len(of_ours(caplog)) == 1


class TestBrokenBroker:
    @pytest.fixture(params=["redis", "amqp"])
    def refusing(self, request: pytest.FixtureRequest) -> Iterator[str]:
        """The URL of a broker that is not running."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        url = f"{request.param}://127.0.0.1:{port}//"
        with celery_settings(task_always_eager=False, broker_url=url):
            yield url

    def test_the_buyer_waits_for_no_broker_that_is_down(self, refusing: str, caplog: pytest.LogCaptureFixture) -> None:
        started = time.monotonic()
        for _ in range(20):
            hooks.order_changed(order())
        # With Celery's own connection each of them would take six seconds.
        assert time.monotonic() - started < 1
        assert len(of_ours(caplog)) == 1
        assert "sync_order_task did not run" in of_ours(caplog)[0]
        assert "Connection refused" in of_ours(caplog)[0]
        assert "check the Celery broker" in of_ours(caplog)[0]
        assert "Traceback" not in caplog.text

    @pytest.mark.django_db(transaction=True)
    def test_it_is_said_by_us_also_after_a_commit(self, refusing: str, caplog: pytest.LogCaptureFixture) -> None:
        with transaction.atomic():
            hooks.order_changed(order())
        assert [record.name for record in caplog.records] == ["saleor_crm_plugin.ingestion.hooks"]

    @pytest.mark.slow
    @pytest.mark.parametrize("scheme", ["redis", "amqp"])
    def test_nor_for_one_that_accepts_connections_and_hangs(self, scheme: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            threading.Thread(target=_accept_and_say_nothing, args=(server,), daemon=True).start()
            url = f"{scheme}://127.0.0.1:{server.getsockname()[1]}//"
            with celery_settings(task_always_eager=False, broker_url=url):
                started = time.monotonic()
                hooks.order_changed(order())
                assert time.monotonic() - started < 4
                started = time.monotonic()
                hooks.order_changed(order())
                assert time.monotonic() - started < 0.1

    @pytest.mark.parametrize(
        ("url", "options"),
        [
            ("redis://localhost//", {"socket_connect_timeout": 1, "socket_timeout": 2}),
            ("amqp://localhost//", {"read_timeout": 2, "write_timeout": 2}),
            ("memory://", {}),
        ],
    )
    def test_the_connection_is_impatient_and_keeps_the_operators_options(
        self, url: str, options: dict[str, int]
    ) -> None:
        with celery_settings(broker_url=url, broker_transport_options={"priority_steps": [0, 5], "max_retries": 99}):
            connection = impatient_connection(app)
        assert connection.connect_timeout == 1
        assert connection.transport_options == {
            "priority_steps": [0, 5],
            "max_retries": 1,
            "interval_start": 0,
            **options,
        }

    def test_no_request_looks_for_a_result_backend(
        self, sent: Callable[[], list[Message]], caplog: pytest.LogCaptureFixture
    ) -> None:
        # Celery makes one for each thread, and a web server may begin a thread with each request.
        with celery_settings(result_backend="nowhere://"), ThreadPoolExecutor(1) as request:
            request.submit(hooks.order_changed, order()).result()
        assert len(sent()) == 1
        assert of_ours(caplog) == []

    def test_after_a_pause_the_broker_is_tried_again(self, sent: Callable[[], list[Message]]) -> None:
        breaker = hooks.publisher.breaker
        breaker.failed()
        hooks.order_changed(order())
        assert sent() == []
        with mock.patch("saleor_crm_plugin.ingestion.broker.time.monotonic", return_value=time.monotonic() + 31):
            hooks.order_changed(order())
            hooks.order_changed(order())
        assert len(sent()) == 2

    def test_only_one_request_tries_it_again(self) -> None:
        breaker = hooks.publisher.breaker
        breaker.failed()
        with mock.patch("saleor_crm_plugin.ingestion.broker.time.monotonic", return_value=time.monotonic() + 31):
            breaker.check()
            with pytest.raises(BrokerPausedError):
                breaker.check()

    def test_whatever_the_transport_raises_stays_here(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def explode(*args: Any) -> None:
            raise RuntimeError("pool closed")

        monkeypatch.setattr(hooks.publisher, "publish", explode)
        with celery_settings(task_always_eager=False):
            hooks.order_changed(order())
            hooks.fulfillment_changed(SimpleNamespace(order_id=ORDER_ID))
            hooks.orders_imported([order()])
            hooks.customer_changed(SimpleNamespace(pk=1))
            hooks.customer_deleted(SimpleNamespace(pk=1))
        # Once for each task, not for each hint.
        assert len(of_ours(caplog)) == 3

    def test_a_subject_that_cannot_be_read_stays_here(self, caplog: pytest.LogCaptureFixture) -> None:
        hooks.order_changed(None)
        hooks.orders_imported([None])
        hooks.customer_changed(object())
        assert len(of_ours(caplog)) == 3


def _accept_and_say_nothing(server: socket.socket) -> None:
    kept = []
    while True:
        try:
            kept.append(server.accept())
        except OSError:
            return


class TestWithoutABroker:
    """Then Saleor runs every task inside the request."""

    @pytest.mark.django_db(transaction=True)
    def test_the_order_is_in_our_tables_at_once(self, settings: Any, customer: Any) -> None:
        settings.PLUGINS = PLUGINS
        placed = make_order(customer)
        announce_order(placed)
        seen = OrderSync.objects.get()
        assert (seen.order_id, seen.seen_user_id, seen.error) == (placed.pk, customer.pk, "")
        assert CustomerProfile.objects.get().user_id == customer.pk

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("propagates", [False, True])
    def test_a_failing_task_leaves_the_order_and_is_logged_once(
        self,
        settings: Any,
        customer: Any,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
        propagates: bool,
    ) -> None:
        def explode(*args: Any, **kwargs: Any) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(sync, "sync_orders", explode)
        settings.PLUGINS = PLUGINS
        with celery_settings(task_eager_propagates=propagates):
            placed = make_order(customer)
            announce_order(placed)
            announce_order(placed)
        assert Order.objects.get().pk == placed.pk
        [message] = of_ours(caplog)
        assert "sync_order_task did not run (RuntimeError)" in message

    @pytest.mark.django_db(transaction=True)
    def test_what_did_not_run_is_said_with_what_makes_up_for_it(self, caplog: pytest.LogCaptureFixture) -> None:
        with failing_database():
            hooks.order_changed(order())
            hooks.checkout_changed(SimpleNamespace(pk=ORDER_ID, user_id=1))
        about_order, about_checkout = of_ours(caplog)
        assert "reconciliation (the periodic task, or the command crm_reconcile) repairs it later" in about_order
        assert "the periodic task crm-release-holds repairs it later" in about_checkout

    @pytest.mark.django_db(transaction=True)
    def test_a_failing_database_raises_nothing(self, caplog: pytest.LogCaptureFixture) -> None:
        with failing_database() as statements:
            hooks.order_changed(order())
            hooks.customer_changed(SimpleNamespace(pk=1))
            hooks.orders_imported([order()])
        assert len(statements) == 3
        assert len(of_ours(caplog)) == 3

    @pytest.mark.django_db(transaction=True)
    def test_a_database_that_cannot_be_reached_raises_nothing(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        connection = connections["default"]
        connection.close()

        def refuse(*args: Any) -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr(connection, "get_new_connection", refuse)
        hooks.order_changed(order())
        assert len(of_ours(caplog)) == 1

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("table", "said"),
        [
            ("crm_order_sync", "run `manage.py migrate saleor_crm_plugin`"),
            ("plugins_pluginconfiguration", "sync_order_task did not run (ProgrammingError: "),
        ],
    )
    def test_a_failed_statement_of_ours_does_not_spoil_the_callers_transaction(
        self,
        customer: Any,
        django_capture_on_commit_callbacks: Any,
        caplog: pytest.LogCaptureFixture,
        table: str,
        said: str,
    ) -> None:
        placed = make_order(customer)
        with connections["default"].cursor() as cursor:
            cursor.execute(f"ALTER TABLE {table} RENAME TO not_migrated")
        with django_capture_on_commit_callbacks(execute=True):
            hooks.order_changed(placed)
            hooks.order_changed(placed)
        assert Order.objects.get().pk == placed.pk
        [message] = of_ours(caplog)
        assert said in message

    @pytest.mark.django_db
    def test_saleors_guard_on_the_writer_lets_us_pass(
        self, customer: Any, django_capture_on_commit_callbacks: Any
    ) -> None:
        placed = make_order(customer)
        with connections["default"].execute_wrapper(restrict_writer), django_capture_on_commit_callbacks(execute=True):
            hooks.order_changed(placed)
        assert OrderSync.objects.get().order_id == placed.pk

    @pytest.mark.django_db(transaction=True)
    def test_a_customer_deleted_between_hook_and_task(self) -> None:
        user = make_customer()
        hooks.customer_changed(user)
        assert CustomerProfile.objects.get().user_id == user.pk
        pk = user.pk
        user.delete()
        hooks.customer_deleted(SimpleNamespace(pk=pk))
        assert CustomerProfile.objects.get().user_id is None


def test_a_repeated_problem_is_logged_again_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("saleor_crm_plugin.test")
    for _ in range(3):
        logs.log_once(logger, "key", "the problem")
    later = time.monotonic() + logs.REPEAT_AFTER_SECONDS
    with mock.patch("saleor_crm_plugin.ingestion.logs.time.monotonic", return_value=later):
        logs.log_once(logger, "key", "the problem")
    assert of_ours(caplog) == ["the problem", "the problem"]
