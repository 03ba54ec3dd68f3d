"""What a copied function has to be able to do, decided file by file.

Here every switch is on, so that the functions can be called as they are.
"""

PRODUCT = True  # products and sums, not einsum
DILATED = True  # some convolution has a dilation
GROUPED = True  # some convolution has groups
NAMED_PADDING = True  # some convolution has padding="same" or "valid"
UNBATCHED = True  # some input has no batch
LEARNED_TOKENS = True  # some attention adds keys and values that are learned, or zero
PROJECTED = True  # some LSTM has a proj_size
PACKED = True  # some recurrent layer is given a PackedSequence
VECTORS = True  # some factor of a product is a vector
