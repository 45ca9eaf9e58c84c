class DiscountValueType:
    FIXED = "fixed"
    PERCENTAGE = "percentage"

    CHOICES = [(FIXED, "an amount"), (PERCENTAGE, "%")]


class DiscountType:
    SALE = "sale"
    VOUCHER = "voucher"
    MANUAL = "manual"
    PROMOTION = "promotion"
    ORDER_PROMOTION = "order_promotion"

    CHOICES = [
        (SALE, "Sale"),
        (VOUCHER, "Voucher"),
        (MANUAL, "Manual"),
        (PROMOTION, "Promotion"),
        (ORDER_PROMOTION, "Promotion of an order"),
    ]


class PromotionType:
    CATALOGUE = "catalogue"
    ORDER = "order"

    CHOICES = [(CATALOGUE, "Of products"), (ORDER, "Of the whole order")]


class RewardType:
    SUBTOTAL_DISCOUNT = "subtotal_discount"
    GIFT = "gift"

    CHOICES = [(SUBTOTAL_DISCOUNT, "Off the products' price"), (GIFT, "A gift")]


class RewardValueType:
    FIXED = "fixed"
    PERCENTAGE = "percentage"

    CHOICES = [(FIXED, "an amount"), (PERCENTAGE, "%")]


class VoucherType:
    ENTIRE_ORDER = "entire_order"
    SHIPPING = "shipping"
    SPECIFIC_PRODUCT = "specific_product"

    CHOICES = [
        (ENTIRE_ORDER, "Entire order"),
        (SHIPPING, "Shipping"),
        (SPECIFIC_PRODUCT, "Some products, collections or categories"),
    ]
