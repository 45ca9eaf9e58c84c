"""Tasks of the stand-in may not query the writer by accident, as in a Saleor with a replica."""

from collections.abc import Callable

import pytest
from django.conf import settings
from saleor.account.models import User
from saleor.celeryconf import app
from saleor.core.db.connection import UnsafeWriterAccessError, allow_writer

pytestmark = pytest.mark.django_db


def count() -> int:
    return User.objects.count()


def count_with_leave() -> int:
    with allow_writer():
        return User.objects.count()


def count_in_the_replica() -> int:
    return User.objects.using(settings.DATABASE_CONNECTION_REPLICA_NAME).count()


def in_a_task(function: Callable[[], int]) -> int:
    return app.task(function).delay().get()


def test_a_task_that_asks_the_writer_fails(customer: User) -> None:
    with pytest.raises(UnsafeWriterAccessError):
        in_a_task(count)


def test_a_task_that_says_so_may(customer: User) -> None:
    assert in_a_task(count_with_leave) == 1


def test_a_task_may_ask_the_replica(customer: User) -> None:
    assert in_a_task(count_in_the_replica) == 1
