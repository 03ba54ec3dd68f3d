"""Loops of the user's: found again in a straight recording, and kept as loops."""
