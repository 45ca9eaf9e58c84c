"""Person, company or authority, by what customers say of themselves."""

from __future__ import annotations

import pytest

from saleor_crm_plugin.profiles.customer_types.rules import (
    Cause,
    Domains,
    Kind,
    Signs,
    domain_of,
    is_below,
    kind_of,
)
from saleor_crm_plugin.profiles.models import CustomerType

DOMAINS = Domains(business=frozenset({"acme.com"}), government=frozenset({"gov", "gov.uk"}))


def test_the_types_are_those_of_the_table() -> None:
    assert {kind.value for kind in Kind} == set(CustomerType.values)


@pytest.mark.parametrize(
    ("signs", "kind", "cause"),
    [
        (Signs(), Kind.B2C, Cause.NOTHING_SAID),
        (Signs("example.com", orders=3), Kind.B2C, Cause.NOTHING_SAID),
        (Signs("city.gov", has_tax_id=True), Kind.B2G, Cause.GOVERNMENT_DOMAIN),
        (Signs("acme.com", has_tax_id=True, orders=1, company_orders=1), Kind.B2B, Cause.TAX_ID),
        (Signs("example.com", orders=2, company_orders=1), Kind.B2B, Cause.COMPANY_NAME),
        (Signs("example.com", orders=3, company_orders=1), Kind.B2C, Cause.NOTHING_SAID),
        (Signs("mail.acme.com", orders=3, company_orders=1), Kind.B2B, Cause.BUSINESS_DOMAIN),
    ],
)
def test_the_first_sign_that_holds_decides(signs: Signs, kind: Kind, cause: Cause) -> None:
    assert kind_of(signs, DOMAINS) == (kind, cause)


@pytest.mark.parametrize(
    ("domain", "below"),
    [
        ("gov", True),
        ("city.gov", True),
        ("a.b.gov.uk", True),
        ("mygov", False),
        ("gov.example", False),
        ("gov.com", False),
        ("uk", False),
        ("", False),
    ],
)
def test_a_domain_stands_for_those_below_it(domain: str, below: bool) -> None:
    assert is_below(domain, DOMAINS.government) == below


@pytest.mark.parametrize(
    ("email", "domain"),
    [("a@B.Gov", "b.gov"), ("a@b@c.gov", "c.gov"), ("a@c.gov.", "c.gov"), ("gov", ""), ("", ""), ("a@", "")],
)
def test_the_domain_of_an_address(email: str, domain: str) -> None:
    assert domain_of(email) == domain
