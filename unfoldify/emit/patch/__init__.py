"""The user's own file with every contraction spelled out, and nothing else changed.

Recorded calls lead to the places of the file that made them. A place becomes lines above its
statement where the same lines hold for every way to build the model; else a function at the top of
the file is called there.
"""
