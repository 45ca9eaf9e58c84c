"""What holds for every list of the shop, whatever the rules: not too much of the same, and room for the new. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# Both are said of ten: as many as a storefront shows in a row of recommendations, and easy to say.
WINDOW = 10


@dataclass(frozen=True, slots=True)
class ListPolicy:
    """
    Attributes:
        brand_attribute: slug of the attribute that tells a product's brand; None: brands do not count.
        brand_limit: at most so many products of one brand in any ten in a row; None: any number.
        category_limit: the same for products of one category, which is the one that the product itself is in.
        new_in_ten: of the first ten, twenty … places at least so many are for new products.
        new_days: for how many days after its publication in the channel a product is new.
    """

    brand_attribute: str | None = None
    brand_limit: int | None = None
    category_limit: int | None = None
    new_in_ten: int = 0
    new_days: int = 30

    @property
    def limits_brands(self) -> bool:
        return self.brand_attribute is not None and self.brand_limit is not None

    def __bool__(self) -> bool:
        """Whether it has a say in any list."""
        return self.limits_brands or self.category_limit is not None or self.new_in_ten > 0


NO_LIST_POLICY = ListPolicy()
