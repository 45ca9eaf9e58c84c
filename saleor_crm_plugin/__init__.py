"""Customer profiles, loyalty points and recommendations for Saleor."""

__version__ = "0.1.0"
