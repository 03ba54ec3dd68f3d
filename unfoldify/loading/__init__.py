"""What the user typed → a model and the arguments to run it with."""
