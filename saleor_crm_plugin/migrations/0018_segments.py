"""Segments that every shop starts with. They are the shop's from then on: edited or removed, they stay so."""

from django.db import migrations

READY_MADE = (
    (
        "big-spenders",
        "Big spenders",
        "The fifth of the customers who spent most.",
        "monetary_score = 5",
    ),
    (
        "at-risk",
        "At risk",
        "Used to buy often or for much, and are about to stop.",
        "lifecycle_stage = at_risk OR rfm_group IN (at_risk, previously_loyal)",
    ),
    (
        "one-time-buyers",
        "One-time buyers",
        "Bought exactly once.",
        "orders_count = 1",
    ),
    (
        "lapsed",
        "Lapsed",
        "Bought before, but not for a year.",
        "last_order_at < -1y",
    ),
    (
        "new-this-month",
        "New this month",
        "Bought for the first time within the last month.",
        "first_order_at >= -1m",
    ),
    (
        "abandoned-checkout",
        "Abandoned checkout",
        "Left products in a checkout within the last week.",
        "abandoned_checkout(within: 7d)",
    ),
    (
        "b2b",
        "B2B",
        "Businesses.",
        "customer_type = b2b",
    ),
)


def add(apps, schema_editor):
    segment = apps.get_model("saleor_crm_plugin", "CustomerSegment")
    segment.objects.using(schema_editor.connection.alias).bulk_create(
        [
            segment(slug=slug, name=name, description=description, query=query)
            for slug, name, description, query in READY_MADE
        ],
        # Going back leaves them, and the shop may have given one of their names to another.
        ignore_conflicts=True,
    )


class Migration(migrations.Migration):
    dependencies = [
        ("saleor_crm_plugin", "0017_timeline"),
    ]

    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
