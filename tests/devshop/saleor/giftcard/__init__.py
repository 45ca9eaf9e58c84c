class GiftCardEvents:
    USED_IN_ORDER = "used_in_order"

    CHOICES = [(USED_IN_ORDER, "Paid for an order")]
