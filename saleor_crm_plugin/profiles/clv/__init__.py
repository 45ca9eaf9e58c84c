"""Customer lifetime value: how many orders, and how much money, a customer is still good for.

`learning` holds the models and knows no database; `reading` and `storage` stand between it and the tables; `forecast`
is one run: read, gate, choose by hold-out, fit, score, store.
"""
