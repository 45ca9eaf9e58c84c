import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("channel", "0001_initial"),
        ("warehouse", "0001_initial"),
    ]

    operations = [
        migrations.RemoveField(model_name="warehouse", name="channels"),
        migrations.CreateModel(
            name="ChannelWarehouse",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sort_order", models.IntegerField(db_index=True, editable=False, null=True)),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channelwarehouse",
                        to="channel.channel",
                    ),
                ),
                (
                    "warehouse",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channelwarehouse",
                        to="warehouse.warehouse",
                    ),
                ),
            ],
            options={
                "ordering": ("sort_order", "pk"),
                "unique_together": {("channel", "warehouse")},
            },
        ),
        migrations.AddField(
            model_name="warehouse",
            name="channels",
            field=models.ManyToManyField(
                related_name="warehouses", through="warehouse.ChannelWarehouse", to="channel.channel"
            ),
        ),
    ]
