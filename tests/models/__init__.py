"""Small models, each with one thing about it that is hard to write down, and an example of its use."""
