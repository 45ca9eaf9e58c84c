class GiftCardEvents:
    ISSUED = "issued"
    DEACTIVATED = "deactivated"
    USED_IN_ORDER = "used_in_order"

    CHOICES = [(ISSUED, "Made"), (DEACTIVATED, "Switched off"), (USED_IN_ORDER, "Paid for an order")]
