"""A shop where `migrate` was forgotten: its own fields work, and ours say what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from saleor_crm_plugin.graphql.guard import MIGRATE
from saleor_crm_plugin.ingestion.logs import forget_logged
from tests.devshop.factories import make_channel, make_customer, make_product, make_staff
from tests.graphql.client import Api, global_id
from tests.graphql.conftest import PERMISSIONS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_tables(site: None) -> Iterator[None]:
    """The tables under other names, which is as good as gone."""
    forget_logged()
    tables = [name for name in connection.introspection.table_names() if name.startswith("crm_")]
    with connection.cursor() as cursor:
        for name in tables:
            cursor.execute(f"ALTER TABLE {name} RENAME TO gone_{name}")
    yield
    with connection.cursor() as cursor:
        for name in tables:
            cursor.execute(f"ALTER TABLE gone_{name} RENAME TO {name}")


def test_saleors_fields_work_and_ours_say_what_to_do(caplog):
    channel = make_channel()
    apple = make_product("Apple", channel=channel)
    ann = Api(make_customer("ann@example.com"))
    answer = ann.post("{ me { email loyaltyAccount { balance } customerProfile { id } } }")
    assert answer["data"] == {"me": {"email": "ann@example.com", "loyaltyAccount": None, "customerProfile": None}}
    assert {error["message"] for error in answer["errors"]} == {MIGRATE}

    query = 'query ($id: ID!) { product(id: $id, channel: "default-channel") { name similarProducts { score } } }'
    answer = Api().post(query, id=global_id("Product", apple.pk))
    assert answer["data"] == {"product": {"name": "Apple", "similarProducts": None}}
    assert [error["message"] for error in answer["errors"]] == [MIGRATE]

    said = [record for record in caplog.records if record.name == "saleor_crm_plugin.graphql.guard"]
    assert [record.getMessage() for record in said] == [MIGRATE], "once, not with each request"


def test_mutations_say_it_too():
    make_channel()
    ann = make_customer("ann@example.com")
    staff = Api(make_staff(permissions=[PERMISSIONS["MANAGE_DISCOUNTS"]]))
    adjust = """
      mutation ($id: ID) { loyaltyPointsAdjust(userId: $id, points: 1, reason: "x") { errors { code } } }
    """
    assert staff.error(adjust, id=global_id("User", ann.pk)) == ("GraphQLError", MIGRATE)
