"""A model and its example → one graph for each module call, with sizes and the user's words."""
