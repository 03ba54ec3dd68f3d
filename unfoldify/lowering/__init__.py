"""Recorded graphs → the same graphs with every contraction spelled out."""
