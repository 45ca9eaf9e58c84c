"""Buy-till-you-die models by maximum likelihood. numpy and scipy only.

A customer is (x, t_x, T): x repeat purchases, the last of them at t_x, T long ago the first. Both times count from the
first purchase. A purchase is a day on which something was bought, as in the papers: two orders on one day are one.
Inputs are whole days; models think in weeks, so that parameters compare with published ones.
"""
