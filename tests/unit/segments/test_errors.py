"""What the language says about queries that are wrong: where, what stands there, what should, and the nearest word."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.ingestion.segment_fields import REGISTRY
from saleor_crm_plugin.profiles.segments.checking import check
from saleor_crm_plugin.profiles.segments.parsing import parse
from saleor_crm_plugin.profiles.segments.problems import SegmentQueryError

WRONG = [
    ("ordes_count = 1", ["Line 1, column 1: found ordes_count, expected a field. Did you mean orders_count?"]),
    ("orders_count = '3'", ["Line 1, column 16: found the text '3', expected a whole number. Did you mean 3?"]),
    ("orders_count = 2.5", ["Line 1, column 16: found the number 2.5, expected a number without decimal places."]),
    (
        "net_spent > 1.2345",
        ["Line 1, column 13: found the number 1.2345, expected a number with up to 3 decimal places."],
    ),
    (
        "last_order_at < 90d",
        [
            "Line 1, column 17: found 90d,"
            " expected a day: 2026-01-31, today, -90d (90 days ago) or +1m (in a month)."
            " Did you mean -90d?"
        ],
    ),
    (
        "last_order_at < '-90d'",
        [
            "Line 1, column 17: found the text '-90d',"
            " expected a day: 2026-01-31, today, -90d (90 days ago) or +1m (in a month)."
            " Did you mean -90d?"
        ],
    ),
    (
        "last_order_at = 2026-02-30",
        ["Line 1, column 17: found the day 2026-02-30, expected a day that is in the calendar."],
    ),
    ("last_order_at = 1815-01-01", ["Line 1, column 17: found the day 1815-01-01, expected a year from 1900 to 2999."]),
    ("last_order_at < -101y", ["Line 1, column 17: found -101y, expected up to 100 years."]),
    (
        "last_order_at IN (today)",
        ["Line 1, column 15: found IN, expected =, !=, IS NULL, <, <=, >, >=, BETWEEN (of a date)."],
    ),
    (
        "rfm_group = champion",
        [
            "Line 1, column 13: found champion,"
            " expected one of champions, loyal, active, promising, new, needs_attention,"
            " at_risk, previously_loyal, almost_lost, dormant, prospects."
            " Did you mean champions?"
        ],
    ),
    ("rfm_group < champions", ["Line 1, column 11: found <, expected =, !=, IN, IS NULL (of a group of customers)."]),
    (
        "consent('marketing') = granted",
        [
            "Line 1, column 9: found the text 'marketing',"
            " expected one of marketing_email, marketing_sms, profiling, recommendations."
            " Did you mean marketing_sms?"
        ],
    ),
    ("consent = granted", ["Line 1, column 1: found consent without purpose, expected consent(purpose: the purpose)."]),
    (
        "consent('marketing_email')",
        ["Line 1, column 1: found consent alone, expected one of =, !=, IN, IS NULL after it."],
    ),
    (
        "orders_count(curency: 'USD') = 1",
        ["Line 1, column 14: found curency, expected one of currency. Did you mean currency?"],
    ),
    (
        "orders_count('dollars') = 1",
        ["Line 1, column 14: found the text 'dollars', expected a currency, for example 'USD'."],
    ),
    ("is_guest(1)", ["Line 1, column 10: found the number 1, expected no argument: is_guest takes none."]),
    (
        "bought_product('a', within: -30d)",
        ["Line 1, column 29: found -30d, expected a length of time: 90d, 12w, 3m or 1y. Did you mean 30d?"],
    ),
    ("bought_product('a', 30d)", ["Line 1, column 21: found 30d, expected its name in front: product, within, times."]),
    (
        "bought_product('a', 'b')",
        ["Line 1, column 21: found the text 'b', expected its name in front: product, within, times."],
    ),
    ("bought_product(a)", ["Line 1, column 16: found a, expected the slug of a product in quotes. Did you mean 'a'?"]),
    ("bought_product('a', times: 0)", ["Line 1, column 28: found the number 0, expected at least 1."]),
    (
        "bought_product('a', times: 2) = 3",
        ["Line 1, column 21: found times, expected either times or a comparison after the parentheses, not both."],
    ),
    (
        "bought_product('a') IN (1)",
        ["Line 1, column 21: found IN, expected nothing more, or =, !=, <, <=, >, >=, BETWEEN (of a whole number)."],
    ),
    (
        "bought_product()",
        [
            "Line 1, column 1: found bought_product without product,"
            " expected bought_product(product: the slug of a product)."
        ],
    ),
    ("tag = vip", ["Line 1, column 7: found vip, expected a text in quotes. Did you mean 'vip'?"]),
    ("tag < 'vip'", ["Line 1, column 5: found <, expected =, !=, IN, IS NULL, CONTAINS (of a text)."]),
    ("tag", ["Line 1, column 1: found tag alone, expected one of =, !=, IN, IS NULL, CONTAINS after it."]),
    ("country = 'USA'", ["Line 1, column 11: found the text 'USA', expected a country code, for example 'US'."]),
    ("is_guest = yes", ["Line 1, column 12: found yes, expected true or false."]),
    (
        "orders_count CONTAINS 1",
        ["Line 1, column 14: found CONTAINS, expected =, !=, IN, IS NULL, <, <=, >, >=, BETWEEN (of a whole number)."],
    ),
    ("bought_product('a', product: 'b')", ["Line 1, column 21: found product twice, expected each argument once."]),
    (
        "orders_count = 1234567890123456",
        ["Line 1, column 16: found 1234567890123456, expected a number of up to 15 digits."],
    ),
    ("tag = 'open", ["Line 1, column 7: found ', expected a text that ends with the same quote."]),
    ("tag = 'a\\n'", ["Line 1, column 7: found ', expected a text that ends with the same quote."]),
    (
        "orders_count >= 3\n  AND nett_spent > 5\n  AND tags = 5",
        [
            "Line 2, column 7: found nett_spent, expected a field. Did you mean net_spent?",
            "Line 3, column 14: found the number 5, expected a text in quotes.",
        ],
    ),
    ("orders_count = 1 = 2", ["Line 1, column 18: found =, expected AND, OR or the end of the query."]),
    ("segment = 'x'", ["Line 1, column 1: found segment, expected a field."]),
    ("(orders_count = 1", ["Line 1, column 18: the query ends, expected )."]),
    ("orders_count = NULL", ["Line 1, column 16: found NULL, expected a whole number. Did you mean IS NULL?"]),
]


@pytest.mark.parametrize(("query", "problems"), WRONG, ids=[query for query, _ in WRONG])
def test_everything_that_is_wrong_is_said(query, problems):
    with pytest.raises(SegmentQueryError) as refused:
        check(parse(query), REGISTRY)
    assert [str(problem) for problem in refused.value.problems] == problems


def test_the_place_is_that_of_the_word():
    with pytest.raises(SegmentQueryError) as refused:
        check(parse("is_guest\n\tAND tgs = 'x'"), REGISTRY)
    (problem,) = refused.value.problems
    assert problem.span.of("is_guest\n\tAND tgs = 'x'") == "tgs"
    assert (problem.span.line, problem.span.column) == (2, 6)
    assert (problem.found, problem.expected, problem.suggestion) == ("tgs", "a field", "tags")
