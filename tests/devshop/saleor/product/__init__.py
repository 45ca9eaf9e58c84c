class ProductTypeKind:
    NORMAL = "normal"
    GIFT_CARD = "gift_card"

    CHOICES = [(NORMAL, "An ordinary product."), (GIFT_CARD, "A gift card.")]
