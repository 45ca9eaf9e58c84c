"""Where the stand-in is knowingly not as one of the versions, or the plugin uses what is not in all, and why.

Everything else must agree with every version. An entry that is not needed any more fails the tests.
"""

_NULL_IS_NO_TAX_ID = "Not null, as from 3.22; 3.21 allows null, which the plugin reads as no tax id."
_AS_IN_THE_OLDER_TWO = "As in 3.21 and 3.22; the plugin does not call it."

_IN_PARTS = "In all four, in modules below it that the facts do not list; nothing of the plugin imports it."

# model.field -> reason
MODELS = {
    "account.Address.metadata": _NULL_IS_NO_TAX_ID,
    "account.Address.private_metadata": _NULL_IS_NO_TAX_ID,
    "account.User.metadata": _NULL_IS_NO_TAX_ID,
    "account.User.private_metadata": "Not null, as from 3.22; 3.21 allows null, which the plugin reads as no birthday.",
    "order.Order.metadata": _NULL_IS_NO_TAX_ID,
    "order.Order.private_metadata": _NULL_IS_NO_TAX_ID,
    "giftcard.GiftCardEvent.type": "Only the one event that the plugin reads.",
    "plugins.PluginConfiguration.configuration": "Not null, as from 3.22; 3.21 allows null and never writes it.",
}

# Method of PluginsManager or BasePlugin -> reason
HOOKS = dict.fromkeys(
    (
        "PluginsManager.fulfillment_created",
        "PluginsManager.fulfillment_approved",
        "PluginsManager.fulfillment_canceled",
    ),
    "From 3.23 it passes one more argument on, so a plugin's hook must take what it does not know.",
)

# module or module.name -> reason
SYMBOLS = {
    "saleor.attribute.models": _IN_PARTS,
    "saleor.checkout.calculations.fetch_checkout_data": "As in 3.21 and 3.22; the plugin looks at what it takes.",
    "saleor.checkout.fetch.fetch_checkout_info": (
        "As in 3.21 and 3.22; from 3.23 without shipping_channel_listings, which the plugin leaves out anyway."
    ),
    "saleor.graphql.channel.dataloaders.by_self": "Not in 3.21; the plugin does not import it.",
    "saleor.graphql.core.context.ChannelContext": "As from 3.22; 3.21 has it elsewhere, and the plugin looks in both.",
    "saleor.graphql.core.context.ChannelQsContext": "As from 3.22; the plugin does not import it.",
    "saleor.graphql.core.context.M": "A type variable of the two above.",
    "saleor.graphql.core.types.context": "As from 3.22; 3.21 has it elsewhere, and the plugin does not import it.",
    "saleor.order.actions.cancel_order": _AS_IN_THE_OLDER_TWO,
    "saleor.order.actions.create_fulfillments_for_returned_products": _AS_IN_THE_OLDER_TWO,
}

# Type, Type.field or Type.field(argument) -> reason
GRAPHQL = {
    "Query._entities(representations)": "As in 3.21 and 3.22; from 3.23 neither the list nor an item may be null.",
    "CheckoutCreateInput.lines": "Required up to 3.23; from 3.24 a checkout may begin empty.",
}

# What the plugin uses though a version has no such name -> reason. Only `compat.py` may, and with an alternative.
PLUGIN = {
    "saleor.graphql.core.context.ChannelContext": "from 3.22",
    "saleor.graphql.channel.ChannelContext": "up to 3.21",
    "saleor.giftcard.gateway.detach_gift_card_from_previous_checkout_transactions": "from 3.23, as what it undoes",
}

# A package's name for what a module of it defines. The facts know only where a name is defined; that all versions
# re-export these was looked up in their sources.
RE_EXPORTS = {
    "saleor.graphql.product.types.Category": "saleor.graphql.product.types.categories.Category",
    "saleor.graphql.product.types.Product": "saleor.graphql.product.types.products.Product",
}
