"""What Saleor's hooks lead to: a hint that something may have changed, handed to a task.

Saleor's plugin manager catches nothing, so whatever leaves this module reaches the buyer after the order is saved.
Therefore nothing does: a hint that cannot be handed over is logged and dropped, and `reconcile` finds the change, or
`changed_checkouts` if it is of a checkout. With a broker set no SQL is issued here, and the hint goes out after the
answer; without one the task runs now, inside the request, as all of Saleor's tasks then do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from celery import Task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError as BrokerError
from saleor.core.db.connection import allow_writer

from saleor_crm_plugin.confidential import summary, told
from saleor_crm_plugin.config import points_are_gift_cards
from saleor_crm_plugin.ingestion import after_response, tasks
from saleor_crm_plugin.ingestion.broker import BrokerPausedError, Publisher
from saleor_crm_plugin.ingestion.logs import log_once
from saleor_crm_plugin.loyalty.redemption import CODE_PREFIX

if TYPE_CHECKING:
    from saleor.account.models import User
    from saleor.checkout.models import Checkout
    from saleor.order.models import Fulfillment, Order

logger = logging.getLogger(__name__)

# Ids in one message: far below the 256 KB that SQS takes.
IMPORT_BATCH_SIZE = 500
# What finds a change whose hint was dropped.
RECONCILIATION = "reconciliation (the periodic task, or the command crm_reconcile)"
POINTS_JOB = "the periodic task crm-release-holds"

publisher = Publisher()


def order_changed(order: Order) -> None:
    """An order was placed, paid, refunded, fulfilled, cancelled or edited."""
    _hint(tasks.sync_order_task, order, "pk")


def fulfillment_changed(fulfillment: Fulfillment) -> None:
    """Goods of an order were sent, approved or returned."""
    _hint(tasks.sync_order_task, fulfillment, "order_id")


def orders_imported(orders: Iterable[Order]) -> None:
    """Orders came in through a bulk import."""
    try:
        orders_changed([order.pk for order in orders])
    except Exception as error:
        _log_dropped(tasks.sync_orders_task, error)


def orders_changed(order_ids: Iterable[UUID]) -> None:
    """Many orders have to be looked at again."""
    try:
        ids = [str(order_id) for order_id in order_ids]
        for start in range(0, len(ids), IMPORT_BATCH_SIZE):
            _after_commit(tasks.sync_orders_task, ids[start : start + IMPORT_BATCH_SIZE])
    except Exception as error:
        _log_dropped(tasks.sync_orders_task, error)


def checkout_changed(checkout: Checkout) -> None:
    """A checkout has other lines, another voucher or other gift cards than before.

    Only those of a user can have points on them, and those of which the user has signed out since. Anybody can put the
    voucher of another checkout's points on one. That somebody who has signed out takes a voucher of points off, nothing
    shows: `changed_checkouts` finds it.
    """
    if checkout.user_id is not None or (checkout.voucher_code or "").startswith(CODE_PREFIX):
        _hint(tasks.refit_hold_task, checkout, "pk")


def guests_checkout_changed(checkout: Checkout, configuration: Any) -> None:
    """A checkout has changed in a channel with this stored configuration of the loyalty plugin.

    Where points pay as a gift card, nothing on a checkout shows whether it was a user's before.
    """
    try:
        if checkout.user_id is None and points_are_gift_cards(configuration):
            _hint(tasks.refit_hold_task, checkout, "pk")
    except Exception as error:
        _log_dropped(tasks.refit_hold_task, error)


def customer_changed(user: User) -> None:
    """An account was created, confirmed, edited, or has a new e-mail address."""
    _hint(tasks.sync_customer_task, user, "pk")


def customer_deleted(user: User) -> None:
    """An account is gone; the task sees that for itself."""
    _hint(tasks.sync_customer_task, user, "pk")


def settings_saved() -> None:
    """An admin has saved the shop's settings: what silence means may have changed. The task reads them for itself."""
    try:
        _after_commit(tasks.apply_consent_policy_task)
    except Exception as error:
        _log_dropped(tasks.apply_consent_policy_task, error)


def _hint(task: Task, instance: Any, attribute: str) -> None:
    try:
        key = getattr(instance, attribute)
        # Django takes the key away from a deleted object. Reconciliation finds profiles whose user vanished.
        if key is not None:
            _after_commit(task, key if isinstance(key, int) else str(key))
    except Exception as error:
        _log_dropped(task, error)


def _after_commit(task: Task, *arguments: int | str | list[str]) -> None:
    connection = transaction.get_connection(settings.DATABASE_CONNECTION_DEFAULT_NAME)
    # Outside a transaction on_commit() would open a connection only to learn that there is none.
    if connection.in_atomic_block:
        transaction.on_commit(partial(_enqueue, task, *arguments), using=connection.alias, robust=True)
    else:
        _enqueue(task, *arguments)


def _enqueue(task: Task, *arguments: int | str | list[str]) -> None:
    try:
        if task.app.conf.task_always_eager:
            _run_now(task, *arguments)
        elif not after_response.defer((task.name, repr(arguments)), partial(_publish, task, *arguments)):
            _publish(task, *arguments)
    except Exception as error:
        _log_dropped(task, error)


def _publish(task: Task, *arguments: int | str | list[str]) -> None:
    try:
        publisher.publish(task, arguments)
    except BrokerPausedError:
        return
    except Exception as error:
        _log_dropped(task, error)


def _run_now(task: Task, *arguments: int | str | list[str]) -> None:
    connection = transaction.get_connection(settings.DATABASE_CONNECTION_DEFAULT_NAME)
    # A caller's transaction must survive a failed statement of ours.
    guard = transaction.atomic(using=connection.alias) if connection.in_atomic_block else nullcontext()
    with allow_writer(), guard:
        task.apply_async(arguments, throw=True)


def _log_dropped(task: Task, error: Exception) -> None:
    log_once(
        logger,
        (task.name, type(error)),
        "%s did not run (%s). The shop is not affected, and %s repairs it later. If it lasts, check the Celery broker "
        "and the database.",
        task.name,
        f"{type(error).__name__}: {error}" if isinstance(error, BrokerError) else summary(error),
        POINTS_JOB if task.name == tasks.refit_hold_task.name else RECONCILIATION,
        # Of a broker that is away, the message says all.
        exc_info=None if isinstance(error, BrokerError) else told(error),
    )
