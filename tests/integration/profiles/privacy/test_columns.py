"""Every column of ours that can hold a text is either erased or holds nothing that a person has written."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.actors import SYSTEM
from saleor_crm_plugin.ingestion.erasure import erase_customer
from saleor_crm_plugin.profiles.models import ErasureLevel
from tests.integration.profiles.privacy.known import (
    MARKER,
    NOW,
    ann_with_everything,
    columns_with_marker,
    sums,
    text_columns,
)

pytestmark = pytest.mark.django_db

# Columns that are written by our code from a list of values, from numbers or ids, or at random.
CODED = {
    "type", "kind", "state", "status", "cause", "actor_type", "purpose", "currency", "form", "trigger", "level",
    "refusal", "basis", "window", "downgrade", "rfm_group", "prediction_status", "lifecycle_stage", "customer_type",
    "subject_type", "subject_id", "key", "occasion", "token_digest", "erasure_level", "code",
}  # fmt: skip
# What the shop says about itself: its rules, tiers, rewards, segments, programs.
OF_THE_SHOP = {
    "crm_earning_rule", "crm_earning_rule_version", "crm_loyalty_tier", "crm_tier_policy", "crm_loyalty_reward",
    "crm_loyalty_program", "crm_customer_segment", "crm_recommendation_model", "crm_sync_state", "crm_clv_fit",
    "crm_popular_products", "crm_merchandising_rule", "crm_merchandising_rule_version", "crm_recommendation_evaluation",
}  # fmt: skip
# And what else is made by our code alone.
MADE = {
    # Numbers, ids, and names of rules and tiers; its key is a digest where a caller gave it.
    ("crm_points_transaction", "breakdown"),
    ("crm_points_transaction", "idempotency_key"),
    # The name of the reward.
    ("crm_reward_redemption", "name"),
    # The name of an exception.
    ("crm_order_sync", "error"),
    # Which account, lot or tier, and which date.
    ("crm_loyalty_reminder", "subject"),
    # Ids, stages and types of customers; whoever is erased is not separated any more, and it is emptied.
    ("crm_profile_merge", "carried"),
}
# Whatever people write. The test below fills each of them.
WRITTEN = {
    ("crm_profile_identity", "value"),
    ("crm_points_transaction", "reason"),
    ("crm_tier_change", "reason"),
    ("crm_reward_redemption", "idempotency_key"),
    ("crm_profile_event", "details"),
    ("crm_consent_record", "source"),
    ("crm_consent_record", "text_version"),
    ("crm_customer_note", "text"),
    ("crm_customer_tag", "name"),
    ("crm_order_feedback", "comment"),
    ("crm_product_review", "comment"),
}


def test_each_column_is_accounted_for():
    # A new one belongs to one of the lists above; if people write into it, erasure has to know it.
    unknown = {
        (table, column)
        for table, column in text_columns() - WRITTEN - MADE
        if column not in CODED and table not in OF_THE_SHOP
    }
    assert unknown == set()
    assert text_columns() >= WRITTEN | MADE


@pytest.mark.parametrize("level", [ErasureLevel.ANONYMISE, ErasureLevel.DELETE])
def test_what_people_wrote_is_gone_and_no_sum_of_points_has_changed(level):
    known = ann_with_everything()
    # A reward has a key of whoever took it.
    written = columns_with_marker()
    assert written == WRITTEN - {("crm_reward_redemption", "idempotency_key")}
    before = sums()
    erase_customer(known.profile.pk, level, SYSTEM, NOW)
    assert columns_with_marker() == set()
    after = sums()
    points = ("points", "entries", "balances", "lots")
    assert [after[name] for name in points] == [before[name] for name in points] == [600, 2, 600, 600]
    if level == ErasureLevel.ANONYMISE:
        assert after == before


def test_the_marker_would_be_found():
    ann_with_everything()
    assert MARKER.isalpha()
    assert ("crm_points_transaction", "reason") in columns_with_marker()
