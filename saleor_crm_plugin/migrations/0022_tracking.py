"""What visitors do with recommendations. Rows are added; old ones are deleted; one may forget whose it is.

Nothing else can be changed, so that a report of a past time can only lose what was forgotten.
"""

import django.db.models.deletion
from django.db import migrations, models

APPEND_ONLY = """
CREATE FUNCTION crm_only_forget_who() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- The key is made from who it was, so it goes with them.
    IF NEW.profile_id IS NULL AND NEW.session IS NULL
        AND to_jsonb(NEW) - '{id,profile_id,session}'::text[] = to_jsonb(OLD) - '{id,profile_id,session}'::text[]
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: it can only be forgotten whose an event is', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER crm_recommendation_event_no_update BEFORE UPDATE ON crm_recommendation_event
    FOR EACH ROW EXECUTE FUNCTION crm_only_forget_who();
"""

ALLOW_CHANGE = """
DROP TRIGGER crm_recommendation_event_no_update ON crm_recommendation_event;
DROP FUNCTION crm_only_forget_who();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("saleor_crm_plugin", "0021_serving"),
    ]

    operations = [
        migrations.CreateModel(
            name="EventQuota",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("minute", models.DateTimeField()),
                ("events", models.IntegerField()),
            ],
            options={
                "db_table": "crm_recommendation_quota",
                "indexes": [models.Index(fields=["minute"], name="crm_rec_quota_age")],
            },
        ),
        migrations.CreateModel(
            name="RecommendationEvent",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "type",
                    models.CharField(
                        choices=[("shown", "Shown"), ("clicked", "Clicked"), ("added", "Added"), ("viewed", "Viewed")],
                        max_length=8,
                    ),
                ),
                ("kind", models.CharField(blank=True, db_default="", default="", max_length=32)),
                ("product_id", models.IntegerField()),
                ("channel_id", models.IntegerField()),
                ("position", models.SmallIntegerField(null=True)),
                ("model_id", models.BigIntegerField(null=True)),
                ("session", models.UUIDField(null=True)),
                ("held_out", models.BooleanField(db_default=False, default=False)),
                ("occurred_at", models.DateTimeField()),
                (
                    "profile",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="saleor_crm_plugin.customerprofile",
                    ),
                ),
            ],
            options={
                "db_table": "crm_recommendation_event",
                "indexes": [
                    models.Index(fields=["occurred_at"], name="crm_rec_event_age"),
                    models.Index(
                        condition=models.Q(("profile__isnull", False)),
                        fields=["profile", "occurred_at"],
                        name="crm_rec_event_of_profile",
                    ),
                    models.Index(
                        condition=models.Q(("session__isnull", False)),
                        fields=["session", "occurred_at"],
                        name="crm_rec_event_of_session",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("kind", ""), ("position__isnull", True), ("type", "viewed")),
                            models.Q(
                                models.Q(("type", "viewed"), _negated=True), models.Q(("kind", ""), _negated=True)
                            ),
                            _connector="OR",
                        ),
                        name="crm_rec_event_has_a_list_unless_it_is_a_view",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("position__isnull", True),
                            models.Q(("position__gte", 1), ("position__lte", 1000)),
                            _connector="OR",
                        ),
                        name="crm_rec_event_position_is_in_the_list",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="recommendationevent",
            index=models.Index(
                condition=models.Q(("profile__isnull", False), ("type", "viewed")),
                fields=["profile", "-occurred_at"],
                name="crm_rec_view_of_profile",
            ),
        ),
        migrations.AddIndex(
            model_name="recommendationevent",
            index=models.Index(
                condition=models.Q(("profile__isnull", True), ("session__isnull", False), ("type", "viewed")),
                fields=["session", "-occurred_at"],
                name="crm_rec_view_of_session",
            ),
        ),
        migrations.RunSQL(APPEND_ONLY, ALLOW_CHANGE),
    ]
