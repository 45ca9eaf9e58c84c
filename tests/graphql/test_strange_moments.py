"""A moment without an offset is in UTC, and one that nothing can be reckoned from is an error of the request."""

from __future__ import annotations

import re

import pytest

from saleor_crm_plugin.profiles.identity import GuestPerson, resolve_profiles
from tests.graphql.client import global_id

pytestmark = pytest.mark.django_db

OFFICE = ("MANAGE_USERS", "MANAGE_DISCOUNTS", "MANAGE_PRODUCTS", "MANAGE_ORDERS")
OUT_OF_RANGE = ("GraphQLError", "A time must be within the years 1000 to 9999, in UTC.")
TIMELINE = 'customerProfile(email: "guy@example.com") { timeline(first: 1, filter: { %s }) { totalCount } }'
PROFILES = "customerProfiles(first: 1, where: { %s }) { totalCount }"

# Each argument that is a moment: what needs it once, or twice in a range. $a is the earlier one, $b the later.
QUERIES = [
    "customerFeedbackReport(since: $a, until: $b) { total { responses } }",
    "customerFeedbackReport(since: $a) { total { responses } }",
    PROFILES % "createdAt: { gte: $a, lte: $b }",
    PROFILES % "lastOrderAt: { gte: $a, lte: $b }",
    TIMELINE % "since: $a, until: $b",
    "loyaltyLiability(asOf: $b, from: $a, to: $b) { movements { from to } }",
    "loyaltyLiability(asOf: $b) { points }",
    'recommendationReport(channel: "default-channel", since: $a, until: $b) { since until }',
]
MUTATIONS = [
    "loyaltyEarningRuleSimulate(input: { effect: MULTIPLIER, value: 2 }, from: $a, to: $b)",
    'loyaltyEarningRuleCreate(input: { name: "x", effect: MULTIPLIER, value: 2, startsAt: $a, endsAt: $b })',
    'loyaltyRewardCreate(input: { name: "x", kind: VOUCHER_PERCENTAGE, cost: 1, percentage: 5, startsAt: $a,'
    " endsAt: $b })",
    "merchandisingRuleCreate(input: { action: BOOST, factor: 2, targets: { productIds: [$apple] }, startsAt: $a,"
    " endsAt: $b })",
    'loyaltyTierAssign(email: "guy@example.com", tierId: $tier, until: $b, reason: "x")',
    'loyaltyTransactionReinstate(transactionId: $entry, expiresAt: $b, reason: "x")',
    'recommendationEventTrack(input: { channel: "default-channel", sessionId: "0123456789abcdef",'
    " events: [{ type: VIEWED, productId: $apple, occurredAt: $b }] })",
]
# The zone of one of the two is missing, in turn.
MIXED = [("2026-04-01T00:00:00", "2026-04-02T00:00:00Z"), ("2026-04-01T00:00:00+02:00", "2026-04-02T00:00:00")]
EARLY = ["0001-06-01T00:00:00Z", "0999-12-31T23:59:59Z"]
# In UTC they are outside of what a date can be: Saleor's scalar takes them for no time at all.
IMPOSSIBLE = ["0001-01-01T00:00:00+05:00", "9999-12-31T23:59:59-05:00"]


@pytest.fixture
def asked(shop, staff_with):
    """Runs a call with two moments."""
    resolve_profiles([GuestPerson("guy@example.com")])
    staff = staff_with(*OFFICE)
    ids = {
        "$apple": global_id("Product", shop.apple.pk),
        "$tier": global_id("LoyaltyTier", 1),
        "$entry": global_id("PointsTransaction", 1),
    }

    def run(call, earlier, later):
        values = ids | {"$a": earlier, "$b": later}
        return staff.post(re.sub(r"\$\w+", lambda found: f'"{values[found[0]]}"', call))

    return run


@pytest.mark.parametrize(("earlier", "later"), MIXED)
@pytest.mark.parametrize("call", QUERIES)
def test_moments_with_and_without_a_zone_go_together(asked, call, earlier, later):
    assert "errors" not in asked(f"{{ {call} }}", earlier, later)


@pytest.mark.parametrize(("earlier", "later"), MIXED)
@pytest.mark.parametrize("call", MUTATIONS)
def test_so_they_do_in_mutations(asked, call, earlier, later):
    assert "errors" not in asked(f"mutation {{ {call} {{ errors {{ field code }} }} }}", earlier, later)


CALLS = [*QUERIES, *MUTATIONS, "customerFeedbackReport(until: $b) { total { responses } }"]


def request_of(call):
    return f"mutation {{ {call} {{ errors {{ field code }} }} }}" if call in MUTATIONS else f"{{ {call} }}"


@pytest.mark.parametrize("moment", EARLY)
@pytest.mark.parametrize("call", CALLS)
def test_a_moment_out_of_range_is_an_error_in_words(asked, call, moment):
    (error,) = asked(request_of(call), moment, moment)["errors"]
    assert (error["extensions"]["exception"]["code"], error["message"]) == OUT_OF_RANGE


@pytest.mark.parametrize("moment", IMPOSSIBLE)
@pytest.mark.parametrize("call", CALLS)
def test_a_moment_that_is_none_in_utc_is_an_error_of_the_request(asked, call, moment):
    errors = asked(request_of(call), moment, moment)["errors"]
    assert {error["extensions"]["exception"]["code"] for error in errors} == {"GraphQLError"}
    assert all(f'Expected type "DateTime", found "{moment}"' in error["message"] for error in errors)


def test_without_a_zone_it_is_utc(asked):
    call = 'recommendationReport(channel: "default-channel", since: $a, until: $b) { since until }'
    answer = asked(f"{{ {call} }}", *MIXED[1])
    assert answer["data"]["recommendationReport"] == {
        "since": "2026-03-31T22:00:00+00:00",
        "until": "2026-04-02T00:00:00+00:00",
    }
