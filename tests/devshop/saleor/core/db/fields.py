from typing import Any

from prices import Money, TaxedMoney


class MoneyField(property):
    """Reads and writes an amount column and a currency column as one `Money`; itself no column."""

    def __init__(self, amount_field: str = "price_amount", currency_field: str = "currency") -> None:
        def read(instance: Any) -> Money | None:
            amount = getattr(instance, amount_field)
            return None if amount is None else Money(amount, getattr(instance, currency_field))

        def write(instance: Any, value: Money | None) -> None:
            setattr(instance, amount_field, None if value is None else value.amount)
            if value is not None:
                setattr(instance, currency_field, value.currency)

        super().__init__(read, write)


class TaxedMoneyField(property):
    """Reads and writes a net column, a gross column and a currency column as one `TaxedMoney`."""

    def __init__(
        self,
        net_amount_field: str = "price_amount_net",
        gross_amount_field: str = "price_amount_gross",
        currency_field: str = "currency",
    ) -> None:
        def read(instance: Any) -> TaxedMoney:
            currency = getattr(instance, currency_field)
            return TaxedMoney(
                net=Money(getattr(instance, net_amount_field), currency),
                gross=Money(getattr(instance, gross_amount_field), currency),
            )

        def write(instance: Any, value: TaxedMoney) -> None:
            setattr(instance, net_amount_field, value.net.amount)
            setattr(instance, gross_amount_field, value.gross.amount)
            setattr(instance, currency_field, value.currency)

        super().__init__(read, write)
