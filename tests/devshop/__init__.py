"""The stand-in shop: develop, test and demonstrate the plugin where no Saleor is installed."""
