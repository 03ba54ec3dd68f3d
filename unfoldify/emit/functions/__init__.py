"""The functions layout: each kind of contraction once, as a function at the top of the file.

Convolutions, linear layers and products of matrices are calls of the library that the patch layout
copies from, cut down to what this model needs of it (`specialize.py`). Every other contraction
becomes a function that is the lines of its rule (`outline.py`).
"""
