class CheckoutChargeStatus:
    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"
    OVERCHARGED = "overcharged"

    CHOICES = [
        (NONE, "Nothing is charged"),
        (PARTIAL, "A part is charged"),
        (FULL, "All is charged"),
        (OVERCHARGED, "More is charged than due"),
    ]


class CheckoutAuthorizeStatus:
    NONE = "none"
    PARTIAL = "partial"
    FULL = "full"

    CHOICES = [
        (NONE, "Nothing is covered"),
        (PARTIAL, "A part is covered"),
        (FULL, "All is covered"),
    ]
