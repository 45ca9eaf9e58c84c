"""What can be learnt from purchases: arrays in, lists out. Imports numpy and scipy, and nothing of Django or Saleor."""
