"""Every branch of the code under proof, counted: what a proof never runs, it says nothing about.

Counters are put into the syntax tree as a module is loaded: at the head of each block that may or may not run (also of
an `else` that is not written), and on both sides of each condition within an expression.
"""

import ast
from collections import Counter
from typing import Any

COUNTED = ("batch", "product", "store", "statements", "quarantine", "item", "projection")
LEAST = 100  # runs of each branch under faults, in a full run


class Branches:
    """The branches of one module set, and how often each was taken."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.taken: list[int] = []

    def instrument(self, module: str, source: str) -> ast.AST:
        """Return the module's syntax tree with a counter in each branch."""
        return ast.fix_missing_locations(_Counting(self, module, source.splitlines()).visit(ast.parse(source)))

    def new(self, name: str) -> int:
        self.names.append(name)
        self.taken.append(0)
        return len(self.names) - 1

    def take(self, number: int) -> None:
        """Count one run of a branch; called from within the code under proof."""
        self.taken[number] += 1

    def collect(self) -> Counter[str]:
        """Return the counts, and begin again."""
        counts = Counter(dict(zip(self.names, self.taken, strict=True)))
        self.taken[:] = [0] * len(self.taken)
        return counts


class _Counting(ast.NodeTransformer):
    def __init__(self, branches: Branches, module: str, lines: list[str]) -> None:
        self._branches, self._module, self._lines = branches, module, lines

    def _call(self, node: Any, side: str) -> ast.Call:
        name = f"{self._module}.py, line {node.lineno}: {self._lines[node.lineno - 1].strip()} [{side}]"
        number = self._branches.new(name if name not in self._branches.names else f"{name} (column {node.col_offset})")
        return ast.Call(ast.Name("take_branch", ast.Load()), [ast.Constant(number)], [])

    def _block(self, node: Any, side: str, body: list[ast.stmt]) -> list[ast.stmt]:
        return [ast.Expr(self._call(node, side)), *body]

    def visit_If(self, node: ast.If) -> ast.If:
        self.generic_visit(node)
        node.body, node.orelse = self._block(node, "yes", node.body), self._block(node, "no", node.orelse)
        return node

    def visit_For(self, node: ast.For) -> ast.For:
        self.generic_visit(node)
        node.body = self._block(node, "again", node.body)
        return node

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        node.body = self._block(node, "again", node.body)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.ExceptHandler:
        self.generic_visit(node)
        node.body = self._block(node, "caught", node.body)
        return node

    def visit_Match(self, node: ast.Match) -> ast.Match:
        self.generic_visit(node)
        for case in node.cases:
            case.body = self._block(case.pattern, "case", case.body)
        last = node.cases[-1]
        if not (isinstance(last.pattern, ast.MatchAs) and last.pattern.name is None and last.guard is None):
            node.cases.append(ast.match_case(ast.MatchAs(), None, self._block(node, "no case", [])))
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.IfExp:
        self.generic_visit(node)
        node.body = ast.BoolOp(ast.Or(), [self._call(node, "yes"), node.body])
        node.orelse = ast.BoolOp(ast.Or(), [self._call(node, "no"), node.orelse])
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.comprehension:
        self.generic_visit(node)
        node.ifs = [self._condition(each) for each in node.ifs]
        return node

    def _condition(self, condition: ast.expr) -> ast.expr:
        yes = ast.BoolOp(ast.Or(), [self._call(condition, "yes"), ast.Constant(True)])
        no = ast.BoolOp(ast.Or(), [self._call(condition, "no"), ast.Constant(False)])
        return ast.IfExp(condition, yes, no)
