"""Migrations with what a shop has learnt in the tables: forward, and back as `migrate saleor_crm_plugin zero` goes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from saleor_crm_plugin.recommendations.models import ModelStatus, PopularProducts, RecommendationModel

APP = "saleor_crm_plugin"


@pytest.mark.django_db
def test_going_back_keeps_one_list_of_bestsellers_for_each_channel() -> None:
    now = timezone.now()
    model = RecommendationModel.objects.create(status=ModelStatus.PUBLISHED, started_at=now, finished_at=now)
    for kind, category_id, product_ids in (
        ("bestsellers", 0, [1, 2]),
        ("bestsellers", 7, [2]),
        ("trending", 0, [3]),
    ):
        PopularProducts.objects.create(
            model=model,
            kind=kind,
            channel_id=1,
            category_id=category_id,
            product_ids=product_ids,
            scores=[1.0] * len(product_ids),
        )
    with connection.cursor() as cursor:
        # Checks of foreign keys that wait for the end of the transaction would hinder changes of tables.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    MigrationExecutor(connection).migrate([(APP, "0020_rule_segments")])

    with connection.cursor() as cursor:
        cursor.execute("SELECT channel_id, product_ids FROM crm_popular_products")
        assert cursor.fetchall() == [(1, [1, 2])]
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes(APP))

    kept = PopularProducts.objects.get()
    assert (kept.kind, kept.category_id, kept.product_ids) == ("bestsellers", 0, [1, 2])
