from .categories import Category
from .products import Product, ProductVariant

__all__ = ["Category", "Product", "ProductVariant"]
