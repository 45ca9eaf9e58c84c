"""What a ranker is told about a candidate: a customer, a product, and what the history says about the two.

After the features that Instacart's competition and the next-basket literature found to matter: how often, how long ago
against the customer's own and the product's usual gap, how regularly, how popular of late (Hu, He, Gao and Zhang, SIGIR
2020, section 3; Ariannezhad et al., "ReCANet", SIGIR 2022, section 4). A number that does not exist (the gap of a
product bought once) is NaN, which the trees treat as a value of its own.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.recommendations.learning.ranking import found_in
from saleor_crm_plugin.recommendations.learning.statistics import HALF_LIVES, LAST_BASKETS, WINDOWS, Statistics

Array = npt.NDArray[np.int64]
Floats32 = npt.NDArray[np.float32]

NAMES: Final = (
    # How this customer bought this product.
    "baskets",
    "share_of_baskets",
    "rate_since_first",
    *(f"decayed_{days:.0f}" for days in HALF_LIVES),
    *(f"in_last_{count}" for count in LAST_BASKETS),
    "pieces_per_basket",
    "days_since_first",
    "days_since_last",
    "baskets_since_last",
    "mean_gap",
    "last_gap",
    # Whether it is due: days since the last purchase against the gap of the customer, of the product, of both.
    "due_by_customer",
    "due_by_product",
    "due_by_both",
    # The product.
    "repeat_rate",
    "product_gap",
    "buyers",
    "baskets_per_buyer",
    *(f"sold_{days:.0f}" for days in WINDOWS),
    "trend_quarter",
    "trend_month",
    "days_on_sale",
    "price",
    "price_against_usual",
    # The customer.
    "customer_baskets",
    "customer_products",
    "basket_size",
    "customer_gap",
    "customer_last",
    "customer_first",
    "repeat_share",
    # The customer and the product's category.
    "category_lines",
    "category_last",
    "category_decayed",
    "share_of_category",
    "share_of_own_category",
    # What other models say of the two.
    "linear",
    "cosine",
)


def features_of(
    statistics: Statistics, customers: Array, products: Array, linear: Floats32, cosine: Floats32
) -> Floats32:
    """(n, len(NAMES)) features of n candidates.

    Args:
        customers, products: (n,) positions.
        linear, cosine: (n,) scores of the item-item models (`ease`, `affinity`); 0 where they say nothing.
    """
    bought, known = statistics.bought, statistics.products
    whose = statistics.customers
    entry, is_bought = found_in(bought.keys, customers * statistics.size + products)

    def of_pair(values: npt.NDArray[np.generic], missing: float) -> Floats32:
        column = np.full(len(customers), missing, dtype=np.float32)
        column[is_bought] = values[entry[is_bought]]
        return column

    baskets = of_pair(bought.baskets, 0)
    last, own_gap = of_pair(bought.last_ages, np.nan), of_pair(bought.mean_gaps, np.nan)
    usual_gap = known.gaps[products].astype(np.float32)
    # The customer's own gaps count once each, the product's usual one twice.
    both = np.where(
        np.isnan(own_gap), usual_gap, (np.nan_to_num(own_gap) * (baskets - 1) + 2 * usual_gap) / (baskets + 1)
    )
    since_first = of_pair(bought.baskets_since_first, np.nan)
    decayed = [of_pair(values, 0) for values in bought.decayed]
    sold = [values[products] for values in known.sold]
    prices = statistics.prices[products]

    categories = statistics.categories
    category = categories.of_product[products]
    place, has_category = found_in(categories.keys, customers * categories.count + category)

    def of_category(values: npt.NDArray[np.generic], missing: float) -> Floats32:
        column = np.full(len(customers), missing, dtype=np.float32)
        column[has_category] = values[place[has_category]]
        return column

    category_decayed = of_category(categories.decayed, 0)
    columns: tuple[npt.NDArray[Any], ...] = (
        baskets,
        baskets / np.maximum(whose.baskets[customers], 1),
        baskets / (since_first + 1),
        *decayed,
        *(of_pair(values, 0) for values in bought.in_last),
        of_pair(bought.pieces, 0) / np.maximum(baskets, 1),
        of_pair(bought.first_ages, np.nan),
        last,
        of_pair(bought.baskets_since_last, np.nan),
        own_gap,
        of_pair(bought.last_gaps, np.nan),
        last / np.maximum(own_gap, 0.5),
        last / np.maximum(usual_gap, 0.5),
        last / np.maximum(both, 0.5),
        known.repeat_rates[products],
        usual_gap,
        known.buyers[products],
        known.baskets[products] / np.maximum(known.buyers[products], 1),
        *sold,
        (sold[1] + 1) / (sold[3] * WINDOWS[1] / WINDOWS[3] + 1),
        (sold[0] + 1) / (sold[2] * WINDOWS[0] / WINDOWS[2] + 1),
        known.ages[products],
        prices,
        prices / np.maximum(whose.mean_prices[customers], 0.01),
        whose.baskets[customers],
        whose.products[customers],
        whose.lines[customers] / np.maximum(whose.baskets[customers], 1),
        whose.mean_gaps[customers],
        whose.last_ages[customers],
        whose.first_ages[customers],
        whose.repeat_shares[customers],
        of_category(categories.lines, 0),
        of_category(categories.last_ages, np.nan),
        category_decayed,
        sold[2] / np.maximum(categories.sold[category], 1),
        decayed[-1] / np.maximum(category_decayed, 1e-6),
        linear,
        cosine,
    )
    table = np.empty((len(customers), len(NAMES)), dtype=np.float32)
    for number, column in enumerate(columns):
        table[:, number] = column
    return table
