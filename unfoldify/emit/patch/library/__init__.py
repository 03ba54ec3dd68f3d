"""Functions that the patch layout puts at the top of a user's file, as they will stand there.

They are written for their reader: plain, general, without checks. Names in capitals are switches
(`switches.py`): an `if` on one is decided when the function is copied and does not reach the file.
"""
