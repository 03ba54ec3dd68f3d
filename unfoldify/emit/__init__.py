"""Graphs and modules → the text of one Python file."""
