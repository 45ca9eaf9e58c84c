from prices import Money


def zero_money(currency: str) -> Money:
    return Money(0, currency)
