"""Whether a customer is a person, a company or an authority, by what they say of themselves. Pure.

The first that holds: an address of a government's domain; a tax id; a company's name on at least half of the purchases
(one parcel that went to the office makes nobody a company); an address of a company's domain. None of it is proof.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The values of `models.CustomerType`, for a module that knows no database."""

    B2C = "b2c"
    B2B = "b2b"
    B2G = "b2g"


class Cause(StrEnum):
    """Why a customer is of a type; what the event says."""

    GOVERNMENT_DOMAIN = "government_domain"
    TAX_ID = "tax_id"
    COMPANY_NAME = "company_name"
    BUSINESS_DOMAIN = "business_domain"
    NOTHING_SAID = "nothing_said"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Signs:
    """What a customer says of themselves.

    Attributes:
        domain: of the e-mail address, lowered; "" without one.
        has_tax_id: on the account, an order that counts or its billing address.
        orders, company_orders: purchases, and those of them that are billed to a company.
    """

    domain: str = ""
    has_tax_id: bool = False
    orders: int = 0
    company_orders: int = 0


@dataclass(frozen=True, slots=True)
class Domains:
    """Domains that say who writes from them; each stands for all below it, too."""

    business: frozenset[str] = frozenset()
    government: frozenset[str] = frozenset()


def kind_of(signs: Signs, domains: Domains) -> tuple[Kind, Cause]:
    """The type, and why."""
    if is_below(signs.domain, domains.government):
        return Kind.B2G, Cause.GOVERNMENT_DOMAIN
    if signs.has_tax_id:
        return Kind.B2B, Cause.TAX_ID
    if signs.company_orders and 2 * signs.company_orders >= signs.orders:
        return Kind.B2B, Cause.COMPANY_NAME
    if is_below(signs.domain, domains.business):
        return Kind.B2B, Cause.BUSINESS_DOMAIN
    return Kind.B2C, Cause.NOTHING_SAID


def is_below(domain: str, parents: Iterable[str]) -> bool:
    """Whether a domain is one of these, or below one: `mail.city.gov` is below `gov`, `mygov` is not."""
    wanted = frozenset(parents)
    labels = domain.split(".")
    return any(".".join(labels[start:]) in wanted for start in range(len(labels)))


def domain_of(email: str) -> str:
    """The domain of an address, lowered; "" if there is none."""
    return email.rpartition("@")[2].strip(" .").lower() if "@" in email else ""
