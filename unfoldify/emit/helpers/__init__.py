"""Functions of the user's that are called more than once: written once, above the classes.

A recording is a straight line, in which every call of a function left the calls that it made.
`regions.py` finds these, with what goes in and what comes out; `copies.py` makes a graph of their
own of them; `alike.py` and `numbers.py` say which are the same but for numbers, and which
parameters these are; `put.py` puts a call of the function in the place of each. `helpers.py` shows
the way.
"""
