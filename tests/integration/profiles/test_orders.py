from __future__ import annotations

from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileOrder
from saleor_crm_plugin.profiles.orders import OrderFact, forget_orders, store_order_facts
from tests.integration.profiles.facts import make_fact

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> int:
    return CustomerProfile.objects.create().pk


@pytest.fixture
def bob() -> int:
    return CustomerProfile.objects.create().pk


def stored() -> list[dict[str, Any]]:
    return list(ProfileOrder.objects.order_by("pk").values(*asdict(make_fact(0))))


def row_versions() -> dict[Any, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT order_id, ctid::text FROM crm_profile_order")
        return dict(cursor.fetchall())


def test_facts_are_stored_as_they_are(ada: int) -> None:
    fact = make_fact(ada, "12.345", "2.005", currency="EUR", channel_id=4, counts=False)

    assert store_order_facts([fact]) == {ada}
    assert stored() == [asdict(fact)]


def test_a_fact_that_is_the_same_is_not_written_again(ada: int) -> None:
    facts = [make_fact(ada), make_fact(ada, currency="EUR")]
    store_order_facts(facts)
    before = row_versions()

    assert store_order_facts(facts) == set()
    assert row_versions() == before


@pytest.mark.parametrize(
    "change",
    [
        {"gross_amount": Decimal("99.999")},
        {"refunded_amount": Decimal("0.001")},
        {"counts": False},
        {"currency": "EUR"},
        {"channel_id": 2},
    ],
)
def test_a_fact_that_changed_replaces_the_old_one(ada: int, change: dict[str, Any]) -> None:
    fact = make_fact(ada)
    store_order_facts([fact])

    assert store_order_facts([replace(fact, **change)]) == {ada}
    assert stored() == [asdict(replace(fact, **change))]


def test_an_order_that_moves_touches_both_owners(ada: int, bob: int) -> None:
    moving, staying = make_fact(ada), make_fact(ada)
    store_order_facts([moving, staying])

    assert store_order_facts([replace(moving, profile_id=bob), staying]) == {ada, bob}
    assert dict(ProfileOrder.objects.values_list("pk", "profile_id")) == {moving.order_id: bob, staying.order_id: ada}


def test_forgotten_orders_name_their_owners(ada: int, bob: int) -> None:
    facts = [make_fact(ada), make_fact(bob), make_fact(bob)]
    store_order_facts(facts)

    assert forget_orders([facts[0].order_id, facts[1].order_id, uuid4()]) == {ada, bob}
    assert forget_orders([facts[0].order_id]) == set()
    assert [row["order_id"] for row in stored()] == [facts[2].order_id]


@pytest.mark.parametrize("number", [1, 50])
def test_any_number_of_facts_takes_one_statement(ada: int, number: int) -> None:
    facts: list[OrderFact] = [make_fact(ada) for _ in range(number)]

    with CaptureQueriesContext(connection) as statements:
        store_order_facts(facts)
        forget_orders([fact.order_id for fact in facts])

    assert len(statements) == 2


def test_nothing_to_store_asks_the_database_nothing() -> None:
    with CaptureQueriesContext(connection) as statements:
        assert store_order_facts([]) == forget_orders([]) == set()

    assert len(statements) == 0
