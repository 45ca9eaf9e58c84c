class AllocationStrategy:
    PRIORITIZE_SORTING_ORDER = "prioritize-sorting-order"
    PRIORITIZE_HIGH_STOCK = "prioritize-high-stock"

    CHOICES = [
        (PRIORITIZE_SORTING_ORDER, "By the order of the warehouses"),
        (PRIORITIZE_HIGH_STOCK, "From the fullest warehouse"),
    ]


class MarkAsPaidStrategy:
    """What row stands for the money when staff mark an order as paid."""

    TRANSACTION_FLOW = "transaction_flow"
    PAYMENT_FLOW = "payment_flow"

    CHOICES = [(TRANSACTION_FLOW, "A transaction item"), (PAYMENT_FLOW, "A payment")]


class TransactionFlowStrategy:
    AUTHORIZATION = "authorization"
    CHARGE = "charge"

    CHOICES = [(AUTHORIZATION, "Authorize"), (CHARGE, "Charge")]
