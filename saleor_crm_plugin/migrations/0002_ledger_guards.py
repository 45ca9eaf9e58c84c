"""What the tables' constraints cannot say: the ledger and the versions of rules are append-only,
and there is a default program.

An entry's `reason` may be blanked, and only that: staff write free text there, and a customer's erasure must be able to
remove it. TRUNCATE is left alone: it needs the rights of the table's owner, who could drop the trigger as well, and
Django's `flush` uses it.
"""

from django.db import migrations

APPEND_ONLY = """
CREATE FUNCTION crm_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: post a correcting entry instead of a %', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE FUNCTION crm_only_blank_reason() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.reason = '' AND to_jsonb(NEW) - 'reason' = to_jsonb(OLD) - 'reason' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: only a reason can be blanked', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER crm_points_transaction_no_update BEFORE UPDATE ON crm_points_transaction
    FOR EACH ROW EXECUTE FUNCTION crm_only_blank_reason();
CREATE TRIGGER crm_points_transaction_no_delete BEFORE DELETE ON crm_points_transaction
    FOR EACH ROW EXECUTE FUNCTION crm_refuse_change();
CREATE TRIGGER crm_lot_consumption_no_change BEFORE UPDATE OR DELETE ON crm_lot_consumption
    FOR EACH ROW EXECUTE FUNCTION crm_refuse_change();
CREATE TRIGGER crm_earning_rule_version_no_change BEFORE UPDATE OR DELETE ON crm_earning_rule_version
    FOR EACH ROW EXECUTE FUNCTION crm_refuse_change();
"""

ALLOW_CHANGE = """
DROP TRIGGER crm_points_transaction_no_update ON crm_points_transaction;
DROP TRIGGER crm_points_transaction_no_delete ON crm_points_transaction;
DROP TRIGGER crm_lot_consumption_no_change ON crm_lot_consumption;
DROP TRIGGER crm_earning_rule_version_no_change ON crm_earning_rule_version;
DROP FUNCTION crm_only_blank_reason();
DROP FUNCTION crm_refuse_change();
"""


def create_default_program(apps, schema_editor):
    programs = apps.get_model("saleor_crm_plugin", "LoyaltyProgram").objects.using(schema_editor.connection.alias)
    programs.get_or_create(slug="default", defaults={"name": "Loyalty points", "is_default": True})


class Migration(migrations.Migration):
    dependencies = [("saleor_crm_plugin", "0001_initial")]

    operations = [
        migrations.RunSQL(APPEND_ONLY, ALLOW_CHANGE),
        migrations.RunPython(create_default_program, migrations.RunPython.noop),
    ]
