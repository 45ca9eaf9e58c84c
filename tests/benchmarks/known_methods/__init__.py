"""Known methods of recommendation, each a function from a past to scores, for the benchmark only.

Two kinds of scores: of customers, and of baskets. Both take positions in a `PurchaseHistory` and give (k, P) numbers,
the higher the better, 0 where a method has nothing to say.
"""
