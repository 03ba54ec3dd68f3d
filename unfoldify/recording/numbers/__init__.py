"""Numbers that remember where they came from, and what Python's arithmetic makes of them."""
