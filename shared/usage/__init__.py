"""What users use: noted in the transaction that ends it, added up by day, and held to budgets."""
