"""What customers say of themselves in Saleor, as signs of their type; and everybody's type brought in line with them.

Saleor has no field for a tax id. Shops keep it in the metadata, public or private, of the account, the order or its
billing address, under a key that the setting names. A value without a digit ("none", "-") is none.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connections

from saleor_crm_plugin.batches import key_batches
from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.profiles.customer_types.rules import Cause, Domains, Kind, Signs, domain_of, kind_of
from saleor_crm_plugin.profiles.customer_types.storing import store_types
from saleor_crm_plugin.profiles.identity import normalize_email
from saleor_crm_plugin.profiles.models import CustomerProfile

REFRESH_BATCH_SIZE: Final = 10_000

# Saleor's table -> the columns of it that we read here.
SALEOR_COLUMNS = {
    "account_user": ("id", "email", "metadata", "private_metadata"),
    "account_address": ("id", "company_name", "metadata", "private_metadata"),
    "order_order": ("id", "billing_address_id", "metadata", "private_metadata"),
}


def _tax_id(table: str) -> str:
    # Null metadata (up to 3.21), a missing key and a JSON null give NULL, which is not a sign.
    texts = (f"{table}.{column} ->> %(key)s ~ '[0-9]'" for column in ("metadata", "private_metadata"))
    return f"({' OR '.join(f'coalesce({text}, false)' for text in texts)})"


SIGNS = f"""
SELECT profile.id, coalesce(account.email, guest.value, ''),
       coalesce({_tax_id("account")}, false) OR coalesce(bought.has_tax_id, false),
       coalesce(bought.orders, 0), coalesce(bought.company_orders, 0),
       profile.profiling_allowed AND profile.erased_at IS NULL, profile.customer_type
FROM crm_customer_profile profile
-- The own account and address; where there is none (any more), that of somebody who was merged into the profile.
LEFT JOIN account_user account ON account.id = coalesce(profile.user_id, (
    SELECT member.user_id FROM crm_customer_profile member
    WHERE member.merged_into_id = profile.id AND member.user_id IS NOT NULL ORDER BY member.id LIMIT 1
))
LEFT JOIN LATERAL (
    SELECT value FROM crm_customer_profile member JOIN crm_profile_identity identity ON identity.profile_id = member.id
    WHERE (member.id = profile.id OR member.merged_into_id = profile.id)
        AND kind IN ('verified_email', 'unverified_email')
    ORDER BY member.id <> profile.id, kind DESC, identity.id LIMIT 1
) guest ON true
LEFT JOIN (
    SELECT fact.profile_id, count(*) AS orders,
           count(*) FILTER (WHERE btrim(address.company_name, E' \\t\\n\\r') <> '') AS company_orders,
           bool_or({_tax_id("placed")} OR {_tax_id("address")}) AS has_tax_id
    FROM crm_profile_order fact
    JOIN order_order placed ON placed.id = fact.order_id
    LEFT JOIN account_address address ON address.id = placed.billing_address_id
    WHERE fact.profile_id = ANY(%(profiles)s::bigint[]) AND fact.counts
    GROUP BY fact.profile_id
) bought ON bought.profile_id = profile.id
WHERE profile.id = ANY(%(profiles)s::bigint[]) AND profile.merged_into_id IS NULL
"""  # nosec B608  # constants only; values are parameters


def read_signs(profile_ids: Collection[int], tax_id_key: str, using: str | None = None) -> dict[int, Signs]:
    """The signs of these customers, by profile id; merged profiles are left out. One SQL statement.

    Nothing is concluded about who refuses profiling or is erased: there are no signs of them.
    """
    return {profile_id: signs for profile_id, (signs, _) in _read(profile_ids, tax_id_key, using).items()}


def _read(profile_ids: Collection[int], tax_id_key: str, using: str | None) -> dict[int, tuple[Signs, str]]:
    """The signs, and the type that is stored."""
    with connections[using or DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute(SIGNS, {"profiles": list(profile_ids), "key": tax_id_key})
        return {
            profile_id: (
                Signs(domain_of(normalize_email(email)), has_tax_id, orders, company_orders)
                if is_profiled
                else Signs(),
                stored,
            )
            for profile_id, email, has_tax_id, orders, company_orders, is_profiled, stored in cursor.fetchall()
        }


def refresh_types(profile_ids: Collection[int], settings: CRMSettings, now: datetime, using: str | None = None) -> int:
    """Bring the type of these customers in line with what they say. One SQL statement, and two more for changes.

    Returns:
        The number of customers whose type is another now.
    """
    if not profile_ids:
        return 0
    domains = domains_of(settings)
    signs = {
        profile_id: signs
        for profile_id, (signs, stored) in _read(profile_ids, settings.tax_id_metadata_key, using).items()
        if kind_of(signs, domains)[0] != stored
    }
    return store_types(signs, domains, now, using)


def refresh_all_types(settings: CRMSettings, now: datetime, using: str | None = None) -> int:
    """Do the same for everybody, in batches: after a change of settings, or of what no hook tells."""
    everybody = CustomerProfile.objects.using(using or DEFAULT_DB_ALIAS)
    return sum(refresh_types(batch, settings, now, using) for batch in key_batches(everybody, REFRESH_BATCH_SIZE))


def type_by_rule(profile_id: int, settings: CRMSettings, using: str | None = None) -> tuple[Kind, Cause]:
    """What the rule says of a customer, and why."""
    signs = read_signs([profile_id], settings.tax_id_metadata_key, using)
    return kind_of(signs.get(profile_id, Signs()), domains_of(settings))


def domains_of(settings: CRMSettings) -> Domains:
    return Domains(frozenset(settings.business_domains), frozenset(settings.government_domains))
