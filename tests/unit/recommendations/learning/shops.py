"""Generated shops whose habits are known."""

from __future__ import annotations

import random

from saleor_crm_plugin.recommendations.learning.history import PurchaseHistory

PRODUCTS = 60
OWN = 4


def weekly_shop(customers: int = 150, weeks: int = 26, seed: int = 3, lost_for_days: float = 0.0) -> PurchaseHistory:
    """Everybody buys, about once a week, some of their own four products, and now and then one of others' at random.

    Args:
        lost_for_days: so many last days without any purchase, as if orders had been lost.
    """
    dice = random.Random(seed)
    lines = []
    basket = 0
    for customer in range(1, customers + 1):
        own = [1 + (customer * 7 + number * 13) % PRODUCTS for number in range(OWN)]
        for week in range(weeks):
            if dice.random() < 0.2:
                continue
            basket += 1
            age = lost_for_days + 7 * week + dice.random() * 6
            products = {product for product in own if dice.random() < 0.6}
            if dice.random() < 0.5:
                products.add(1 + int(PRODUCTS * dice.random() ** 3))
            lines += [(customer, product, basket, 1, age) for product in products]
    columns = zip(*lines, strict=True)
    return PurchaseHistory.from_lines(*columns)


def due_shop(customers: int = 160, weeks: int = 26, seed: int = 4) -> PurchaseHistory:
    """What frequency cannot see: of ten products, each customer buys the five that were not in the last basket."""
    dice = random.Random(seed)
    lines = []
    for customer in range(1, customers + 1):
        own = [1 + (customer * 3 + number) % PRODUCTS for number in range(10)]
        dice.shuffle(own)
        for week in range(weeks):
            half = own[:5] if week % 2 else own[5:]
            new = 1 + int(PRODUCTS * dice.random() ** 2)
            lines += [(customer, product, customer * 100 + week, 1, 7 * week + 1.0) for product in {*half, new}]
    return PurchaseHistory.from_lines(*zip(*lines, strict=True))
