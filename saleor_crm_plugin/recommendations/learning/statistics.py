"""What a history says about customers, products, and what each customer bought, at the moment at which it ends.

Everything that the features of a candidate are taken from, computed once for all candidates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory
from saleor_crm_plugin.recommendations.learning.popular import recent_popularity
from saleor_crm_plugin.recommendations.learning.ranking import row_starts

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Days after which a purchase counts half, from a week to half a year.
HALF_LIVES: Final = (7.0, 30.0, 60.0, 90.0, 180.0)
# Days within which a product's sales are counted.
WINDOWS: Final = (7.0, 14.0, 28.0, 91.0)
# The last so many baskets of a customer.
LAST_BASKETS: Final = (5, 10)
# A product's repeat rate and repurchase gap are drawn to the shop's as if so many more buyers, or gaps, had been seen.
REPEAT_RATE_PRIOR: Final = 5.0
GAP_PRIOR: Final = 5.0
# What a repurchase gap is taken for in a shop where nothing was ever bought again.
USUAL_GAP_DAYS: Final = 30.0
CATEGORY_HALF_LIFE: Final = 180.0


@dataclass(frozen=True, slots=True)
class Bought:
    """One entry for each customer and product bought, sorted by `keys` (customer position x P + product position).

    Attributes:
        baskets: how many held it. first_ages, last_ages: days since the first and the last of them.
        decayed: for each of `HALF_LIVES`, the baskets, each counting half after that time.
        pieces: over all baskets.
        mean_gaps, last_gaps: days between purchases; NaN where there was one.
        baskets_since_first, baskets_since_last: of the customer, whatever they held.
        in_last: for each of `LAST_BASKETS`, how many of these held it.
    """

    keys: Array
    customers: Array
    products: Array
    baskets: Array
    first_ages: Floats
    last_ages: Floats
    decayed: tuple[Floats, ...]
    pieces: Floats
    mean_gaps: Floats
    last_gaps: Floats
    baskets_since_first: Array
    baskets_since_last: Array
    in_last: tuple[Floats, ...]


@dataclass(frozen=True, slots=True)
class Customers:
    """(U,) numbers of each customer; ages and gaps in days, NaN where there is none."""

    baskets: Array
    lines: Array
    products: Array
    repeat_shares: Floats
    first_ages: Floats
    last_ages: Floats
    mean_gaps: Floats
    mean_prices: Floats


@dataclass(frozen=True, slots=True)
class Products:
    """(P,) numbers of each product.

    Attributes:
        baskets, buyers: ever.
        repeat_rates: share of the buyers who bought it again, drawn to the shop's mean.
        gaps: usual days between two purchases by the same customer, drawn to the shop's.
        sold: for each of `WINDOWS`, baskets within it.
        ages: days since it was first sold.
    """

    baskets: Array
    buyers: Array
    repeat_rates: Floats
    gaps: Floats
    sold: tuple[Array, ...]
    ages: Floats


@dataclass(frozen=True, slots=True)
class Categories:
    """One entry for each customer and category bought from, sorted by `keys` (customer position x C + category).

    Attributes:
        of_product: (P,) number of each product's category; products without one share a number.
        lines: bought from it. last_ages: days since. decayed: lines, each counting half after `CATEGORY_HALF_LIFE`.
        sold: (C,) lines of the last 28 days, over all customers.
    """

    of_product: Array
    count: int
    keys: Array
    lines: Array
    last_ages: Floats
    decayed: Floats
    sold: Array


@dataclass(frozen=True, slots=True)
class Statistics:
    bought: Bought
    customers: Customers
    products: Products
    categories: Categories
    prices: npt.NDArray[np.float32]
    size: int

    @classmethod
    def of(cls, history: PurchaseHistory) -> Statistics:
        keys = history.customers.astype(np.int64) * len(history.product_ids) + history.products
        starts = row_starts(keys)
        from_end, customer_baskets = _baskets(history)
        bought = _bought(history, keys, starts, from_end)
        return cls(
            bought=bought,
            customers=_customers(history, bought, customer_baskets),
            products=_products(history, bought, keys),
            categories=_categories(history),
            prices=history.prices,
            size=len(history.product_ids),
        )


def repeat_rates(products: Array, baskets: Array, size: int) -> Floats:
    """(P,) share of a product's buyers who bought it again, drawn to the shop's mean.

    Args:
        products, baskets: for each customer and product bought, the product and the number of its baskets.
    """
    buyers = np.bincount(products, minlength=size)
    again = np.bincount(products[baskets > 1], minlength=size)
    # Never quite 0: what was never bought again yet is still put in order by how often and how long ago.
    mean = (again.sum() + 1) / (buyers.sum() + 2)
    rates: Floats = (again + REPEAT_RATE_PRIOR * mean) / (buyers + REPEAT_RATE_PRIOR)
    return rates


@dataclass(frozen=True, slots=True)
class _CustomerBaskets:
    """Each basket of each customer, from old to new."""

    customers: Array
    ages: Floats


def _baskets(history: PurchaseHistory) -> tuple[Array, _CustomerBaskets]:
    """For each line, how many baskets the customer has had since; and the baskets."""
    order = np.lexsort((history.baskets, -history.ages, history.customers))
    customers, baskets = history.customers[order].astype(np.int64), history.baskets[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (baskets[1:] != baskets[:-1]) | (customers[1:] != customers[:-1])
    starts = np.flatnonzero(new)
    of_customer = customers[starts]
    ends = np.searchsorted(of_customer, of_customer, side="right")
    from_end = np.empty(len(order), dtype=np.int64)
    from_end[order] = (ends - 1 - np.arange(len(starts)))[np.cumsum(new) - 1] if len(order) else 0
    return from_end, _CustomerBaskets(of_customer, history.ages[order][starts].astype(np.float64))


def _bought(history: PurchaseHistory, keys: Array, starts: Array, from_end: Array) -> Bought:
    ages = history.ages.astype(np.float64)
    ends = np.append(starts[1:], len(keys))
    baskets = ends - starts
    first, last = (ages[starts], ages[ends - 1]) if len(keys) else (ages, ages)
    several = baskets > 1
    mean_gaps, last_gaps = np.full(len(starts), np.nan), np.full(len(starts), np.nan)
    mean_gaps[several] = (first[several] - last[several]) / (baskets[several] - 1)
    last_gaps[several] = ages[ends[several] - 2] - last[several]
    return Bought(
        keys=keys[starts],
        customers=history.customers[starts].astype(np.int64),
        products=history.products[starts].astype(np.int64),
        baskets=baskets,
        first_ages=first,
        last_ages=last,
        decayed=tuple(_sums(np.exp2(-ages / half_life), starts) for half_life in HALF_LIVES),
        pieces=_sums(history.quantities.astype(np.float64), starts),
        mean_gaps=mean_gaps,
        last_gaps=last_gaps,
        baskets_since_first=from_end[starts],
        baskets_since_last=from_end[ends - 1] if len(keys) else from_end,
        in_last=tuple(_sums((from_end < last_baskets).astype(np.float64), starts) for last_baskets in LAST_BASKETS),
    )


def _customers(history: PurchaseHistory, bought: Bought, baskets: _CustomerBaskets) -> Customers:
    size = len(history.customer_ids)
    counts = np.bincount(baskets.customers, minlength=size)
    starts = row_starts(baskets.customers)
    first, last, gaps = np.full(size, np.nan), np.full(size, np.nan), np.full(size, np.nan)
    if len(starts):
        present = baskets.customers[starts]
        first[present] = baskets.ages[starts]
        last[present] = baskets.ages[np.append(starts[1:], len(baskets.customers)) - 1]
    several = counts > 1
    gaps[several] = (first[several] - last[several]) / (counts[several] - 1)
    lines = np.bincount(history.customers, minlength=size)
    products = np.bincount(bought.customers, minlength=size)
    again = np.bincount(bought.customers[bought.baskets > 1], minlength=size)
    paid = np.bincount(history.customers, weights=history.prices[history.products], minlength=size)
    return Customers(
        baskets=counts,
        lines=lines,
        products=products,
        repeat_shares=again / np.maximum(products, 1),
        first_ages=first,
        last_ages=last,
        mean_gaps=gaps,
        mean_prices=paid / np.maximum(lines, 1),
    )


def _products(history: PurchaseHistory, bought: Bought, keys: Array) -> Products:
    size = len(history.product_ids)
    again = np.flatnonzero(keys[1:] == keys[:-1]) + 1
    # Gaps are far from normal: their mean is taken of the logarithms.
    gaps = np.log1p((history.ages[again - 1] - history.ages[again]).astype(np.float64))
    usual = float(gaps.mean()) if len(gaps) else float(np.log1p(USUAL_GAP_DAYS))
    sums = np.bincount(history.products[again], weights=gaps, minlength=size)
    counts = np.bincount(history.products[again], minlength=size)
    oldest = np.zeros(size)
    np.maximum.at(oldest, history.products, history.ages)
    return Products(
        baskets=np.bincount(history.products, minlength=size),
        buyers=np.bincount(bought.products, minlength=size),
        repeat_rates=repeat_rates(bought.products, bought.baskets, size),
        gaps=np.expm1((sums + GAP_PRIOR * usual) / (counts + GAP_PRIOR)),
        sold=tuple(recent_popularity(history, days) for days in WINDOWS),
        ages=oldest,
    )


def _categories(history: PurchaseHistory) -> Categories:
    known, of_product = np.unique(history.categories, return_inverse=True)
    of_product = of_product.astype(np.int64)
    count = max(len(known), 1)
    of_line = of_product[history.products]
    keys = history.customers.astype(np.int64) * count + of_line
    order = np.argsort(keys, kind="stable")
    starts = row_starts(keys[order])
    ages = history.ages[order].astype(np.float64)
    return Categories(
        of_product=of_product,
        count=count,
        keys=keys[order][starts],
        lines=np.diff(np.append(starts, len(keys))),
        last_ages=np.minimum.reduceat(ages, starts) if len(starts) else ages,
        decayed=_sums(np.exp2(-ages / CATEGORY_HALF_LIFE), starts),
        sold=np.bincount(of_line[history.ages < WINDOWS[2]], minlength=count),
    )


def _sums(values: Floats, starts: Array) -> Floats:
    return np.add.reduceat(values, starts) if len(starts) else values
