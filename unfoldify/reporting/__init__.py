"""What was done to a model, in words, as a table, as data and as a page."""
