DOC_CATEGORY_APPS = "Apps"
DOC_CATEGORY_ATTRIBUTES = "Attributes"
DOC_CATEGORY_AUTH = "Authentication"
DOC_CATEGORY_CHANNELS = "Channels"
DOC_CATEGORY_CHECKOUT = "Checkout"
DOC_CATEGORY_DISCOUNTS = "Discounts"
DOC_CATEGORY_GIFT_CARDS = "Gift cards"
DOC_CATEGORY_MENU = "Menu"
DOC_CATEGORY_MISC = "Miscellaneous"
DOC_CATEGORY_ORDERS = "Orders"
DOC_CATEGORY_PAGES = "Pages"
DOC_CATEGORY_PAYMENTS = "Payments"
DOC_CATEGORY_PRODUCTS = "Products"
DOC_CATEGORY_SHIPPING = "Shipping"
DOC_CATEGORY_SHOP = "Shop"
DOC_CATEGORY_TAXES = "Taxes"
DOC_CATEGORY_USERS = "Users"
DOC_CATEGORY_WEBHOOKS = "Webhooks"

DOC_CATEGORY_MAP = {
    "account.Address": DOC_CATEGORY_USERS,
    "account.User": DOC_CATEGORY_USERS,
    "channel.Channel": DOC_CATEGORY_CHANNELS,
    "checkout.Checkout": DOC_CATEGORY_CHECKOUT,
    "checkout.CheckoutLine": DOC_CATEGORY_CHECKOUT,
    "order.Fulfillment": DOC_CATEGORY_ORDERS,
    "order.FulfillmentLine": DOC_CATEGORY_ORDERS,
    "order.Order": DOC_CATEGORY_ORDERS,
    "order.OrderGrantedRefund": DOC_CATEGORY_ORDERS,
    "order.OrderLine": DOC_CATEGORY_ORDERS,
    "payment.TransactionItem": DOC_CATEGORY_PAYMENTS,
    "product.Category": DOC_CATEGORY_PRODUCTS,
    "product.Product": DOC_CATEGORY_PRODUCTS,
    "product.ProductVariant": DOC_CATEGORY_PRODUCTS,
}
