"""The ready-made segments are the shop's, also where it goes back behind their migration and forward again."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from saleor_crm_plugin.profiles.segments.models import CustomerSegment

APP = "saleor_crm_plugin"


def migrate(*targets: tuple[str, str]) -> None:
    with connection.cursor() as cursor:
        # Checks of foreign keys that wait for the end of the transaction would hinder changes of tables.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    executor = MigrationExecutor(connection)
    executor.migrate(list(targets) or executor.loader.graph.leaf_nodes(APP))


@pytest.mark.django_db
def test_what_the_shop_has_made_of_them_stays() -> None:
    ready_made = set(CustomerSegment.objects.values_list("slug", flat=True))
    CustomerSegment.objects.filter(slug="lapsed").update(query="last_order_at < -2y")
    CustomerSegment.objects.filter(slug="b2b").delete()
    CustomerSegment.objects.create(slug="firms", name="B2B", query="customer_type = b2b")

    migrate((APP, "0017_timeline"))
    migrate()

    assert set(CustomerSegment.objects.values_list("slug", flat=True)) == ready_made - {"b2b"} | {"firms"}
    assert CustomerSegment.objects.get(slug="lapsed").query == "last_order_at < -2y"
