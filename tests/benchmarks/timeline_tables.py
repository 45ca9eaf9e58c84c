"""Timelines straight into the tables: events, notes, consents and points, one customer with a tenth of the events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

_PROFILES = "INSERT INTO crm_customer_profile (created_at) SELECT now() FROM generate_series(1, %s)"
_EVENTS = """
INSERT INTO crm_profile_event
    (profile_id, kind, happened_at, recorded_at, key, subject_type, subject_id, actor_type, details)
SELECT profile_id, (ARRAY['order_placed', 'order_paid', 'order_fulfilled', 'checkout_started'])[1 + number %% 4],
    %(now)s::timestamptz - number * interval '1 minute', now(), 'order:' || gen_random_uuid() || ':0:placed', 'order',
    gen_random_uuid()::text, 'system', '{"amount": "10.000", "currency": "USD"}'
FROM (
    SELECT number, CASE WHEN number %% 10 = 0 THEN %(first)s::bigint
        ELSE %(first)s::bigint + (number::bigint * 7919) %% %(customers)s END AS profile_id
    FROM generate_series(1, %(events)s) AS number
) AS numbered
"""
_OTHERS = """
INSERT INTO crm_customer_note (profile_id, text, actor_type, created_at)
SELECT id, 'A note', 'staff', %(now)s - id * interval '7 minutes' FROM crm_customer_profile WHERE id %% 5 = 0;
INSERT INTO crm_consent_record (profile_id, purpose, state, source, text_version, actor_type, recorded_at)
SELECT id, 'marketing_email', 'granted', '', '', 'customer', %(now)s - id * interval '7 minutes'
FROM crm_customer_profile;
INSERT INTO crm_loyalty_account (program_id, profile_id, active, pending, deficit, held, lifetime, created_at)
SELECT (SELECT min(id) FROM crm_loyalty_program), id, 0, 0, 0, 0, 0, now() FROM crm_customer_profile;
INSERT INTO crm_points_transaction
    (account_id, type, points, balance_after, idempotency_key, actor_type, reason, breakdown, created_at)
SELECT id, 'adjust', 5, 5, 'bench:' || id || ':' || number, 'system', '', '{}',
    %(now)s - number * interval '1 day' - id * interval '1 minute'
FROM crm_loyalty_account CROSS JOIN generate_series(1, 5) AS number;
"""


def fill(connection: Any, events: int, customers: int, now: datetime) -> int:
    """The id of the first customer, who has a tenth of the events."""
    from saleor_crm_plugin.loyalty.accounts import default_program_id
    from saleor_crm_plugin.profiles.models import CustomerProfile

    default_program_id("default")
    with connection.cursor() as cursor:
        cursor.execute(_PROFILES, [customers])
        first = CustomerProfile.objects.earliest("pk").pk
        cursor.execute(_EVENTS, {"now": now, "first": first, "customers": customers, "events": events})
        cursor.execute(_OTHERS, {"now": now})
        cursor.execute("VACUUM ANALYZE")
    return first
