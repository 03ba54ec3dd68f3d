"""Functions that call layers: methods of the emitted class, as they are of the user's.

`self.forward_once(a)` and `self.forward_once(b)` of a siamese network.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from unfoldify.emit.helpers.copies import copied
from unfoldify.emit.helpers.helper import Helper
from unfoldify.emit.helpers.regions import Region


@dataclass(eq=False)
class Method(Helper):
    """A method of the user's, and what it does."""

    def spelled(self) -> ast.expr:
        return ast.Attribute(ast.Name("self", ast.Load()), self.name, ast.Load())


def method_of(region: Region) -> Method:
    """The method that does what a region does. The modules that it calls are called there now."""
    method = Method(region.call.code.co_name, body=copied(region))
    method.name = method.body.method = method.word
    for node in method.body.graph.nodes:
        if "body" in node.meta:
            node.meta["body"].call = node
            node.meta["body"].parent = method.body
    return method
