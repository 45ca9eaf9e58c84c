"""What fields cost, type by type: `complexity`, times the values of the arguments named in `multipliers`."""

_ONE = {"complexity": 1}
_PAGE = {"complexity": 1, "multipliers": ["first", "last"]}

COST_MAP: dict[str, dict[str, dict]] = {
    "Query": {
        "checkout": _ONE,
        "order": _ONE,
        "orders": _PAGE,
        "plugin": _ONE,
        "plugins": _PAGE,
        "product": _ONE,
        "products": _PAGE,
        "user": _ONE,
    },
    "Checkout": {"user": _ONE},
    "CheckoutLine": {"variant": _ONE},
    "Order": {"fulfillments": _ONE, "user": _ONE},
    "OrderLine": {"variant": _ONE},
    "Product": {"category": _ONE, "defaultVariant": _ONE, "pricing": _ONE, "variants": _ONE},
    "ProductVariant": {"pricing": _ONE, "product": _ONE},
    "User": {"orders": _PAGE},
}
