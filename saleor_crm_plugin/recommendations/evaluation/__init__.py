"""How good recommendations are, on purchases that came later. Imports numpy, and nothing of Django or Saleor."""
