"""The house rules as tests in the house language: each is a small function with a planted breach that it catches."""

import ast
import re
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import settings

PROJECT = Path(__file__).parents[2]
CORE = (
    "units",
    "maps",
    "messages",
    "rulebook",
    "ledger",
    "market",
    "limits",
    "retail",
    "reform",
    "supply",
    "surveillance",
    "pricing",
    "exchange",
)
"""The rooms below the engine: no clock, no chance, no environment, nothing in or out."""

Breach = tuple[int, str]
"""A line number and what is wrong there."""
Function = ast.FunctionDef | ast.AsyncFunctionDef

FUNCTION_LINES_MAX = 70
FUNCTION_LINES_MEDIAN_BELOW = 8
MODULE_LINES_MAX = 600
FORBIDDEN_MODULES = frozenset(
    {"asyncio", "ctypes", "glob", "io", "locale", "logging", "os", "pathlib", "platform", "random", "secrets", "shutil"}
    | {"socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "zoneinfo"}
)
FORBIDDEN_CALLS = frozenset({"float", "globals", "hash", "id", "input", "open", "print"})
CLOCK_READINGS = frozenset({"now", "today", "utcnow"})
MUTABLE_MAKERS = frozenset({"Counter", "OrderedDict", "bytearray", "defaultdict", "deque", "dict", "list", "set"})
MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
ORDER_KEEPING_CALLS = frozenset({"enumerate", "iter", "list", "map", "next", "reversed", "tuple", "zip"})
"""Calls that hand on the order in which their argument comes: over a set, that order is chance."""


class Rule(NamedTuple):
    """One rule, where it holds, and a breach that it must see."""

    name: str
    find: Callable[[ast.Module], Iterator[Breach]]
    holds_in: str
    breach: str
    kept: str


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def line_count(function: Function) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def called_name(node: ast.AST) -> str:
    """Return the name that a call calls, without what stands before the last point; empty when it is no plain call."""
    if not isinstance(node, ast.Call):
        return ""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def long_functions(tree: ast.Module) -> Iterator[Breach]:
    for function in functions(tree):
        if line_count(function) > FUNCTION_LINES_MAX:
            yield function.lineno, f"{function.name} has {line_count(function)} lines, at most {FUNCTION_LINES_MAX}"


def long_module(tree: ast.Module) -> Iterator[Breach]:
    last = max((node.end_lineno or 0 for node in tree.body), default=0)
    if last > MODULE_LINES_MAX:
        yield last, f"the module has {last} lines, at most {MODULE_LINES_MAX}: make it a package"


def undocumented(tree: ast.Module) -> Iterator[Breach]:
    if not ast.get_docstring(tree):
        yield 1, "the module says nothing of itself"
    yield from _undocumented_members(tree)


def _undocumented_members(parent: ast.Module | ast.ClassDef) -> Iterator[Breach]:
    for node in parent.body:
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith("_"):
            overload = any("overload" in ast.unparse(decorator) for decorator in node.decorator_list)
            if not ast.get_docstring(node) and not overload:
                yield node.lineno, f"{node.name} is public and says nothing of itself"
            if isinstance(node, ast.ClassDef):
                yield from _undocumented_members(node)


def unspoken_tests(tree: ast.Module) -> Iterator[Breach]:
    for function in functions(tree):
        if function.name.startswith("test_"):
            text = " ".join((ast.get_docstring(function) or "").split())
            if not text.endswith(".") or re.search(r"[.!?] +[A-Z]", text):
                yield function.lineno, f"{function.name} does not say in one sentence what it proves"


def broad_excepts(tree: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else "BaseException"
            if re.search(r"\b(Base)?Exception\b", caught):
                yield node.lineno, f"catches {caught}: bugs would pass for refusals"


def forbidden_imports(tree: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            within = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            for name in [within + alias.name for alias in node.names]:
                # A pure path is text; it touches no file.
                if name.partition(".")[0] in FORBIDDEN_MODULES and not name.startswith("pathlib.Pure"):
                    yield node.lineno, f"imports {name}: what it fetches must arrive in the command"


def forbidden_calls(tree: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = called_name(node)
            if isinstance(node.func, ast.Name) and name in FORBIDDEN_CALLS:
                yield node.lineno, f"calls {name}()"
            if isinstance(node.func, ast.Attribute) and name in CLOCK_READINGS:
                yield node.lineno, f"reads a clock with .{name}()"


def fractions(tree: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield node.lineno, f"{node.value} is no integer"
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield node.lineno, "divides into a fraction: use units.divide"


def _is_mutable(value: ast.expr | None) -> bool:
    return value is not None and (isinstance(value, MUTABLE_DISPLAYS) or called_name(value) in MUTABLE_MAKERS)


def mutable_defaults(tree: ast.Module) -> Iterator[Breach]:
    for function in ast.walk(tree):
        if isinstance(function, Function | ast.Lambda):
            for default in [*function.args.defaults, *function.args.kw_defaults]:
                if default and _is_mutable(default):
                    yield default.lineno, f"the default {ast.unparse(default)} is shared by all calls"


def mutable_module_state(tree: ast.Module) -> Iterator[Breach]:
    for node in tree.body:
        if (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and _is_mutable(node.value)
            and "__all__" not in ast.unparse(node)
        ):
            yield node.lineno, "module-level state that can change: use a tuple, a frozenset or a MappingProxyType"
    for statement in ast.walk(tree):
        if isinstance(statement, ast.Global):
            yield statement.lineno, f"global {', '.join(statement.names)}"


def iterated_sets(tree: ast.Module) -> Iterator[Breach]:
    for scope in [tree, *functions(tree)]:
        sets = {name for name, value in _bindings(scope) if _is_set(value, frozenset())}
        for node in _own_nodes(scope):
            for iterated in _iterated(node):
                if _is_set(iterated, frozenset(sets)):
                    yield iterated.lineno, f"goes through the set {ast.unparse(iterated)}, whose order is chance"


def _own_nodes(scope: ast.Module | Function) -> Iterator[ast.AST]:
    """Walk a scope without the functions inside it, which are scopes of their own."""
    waiting: list[ast.AST] = list(scope.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function):
            waiting.extend(ast.iter_child_nodes(node))


def _bindings(scope: ast.Module | Function) -> Iterator[tuple[str, ast.expr]]:
    for node in _own_nodes(scope):
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.value


def _is_set(node: ast.expr, names: frozenset[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Name):
        return node.id in names
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.BitXor | ast.Sub):
        sides = (node.left, node.right)
        return any(_is_set(side, names) or called_name(side) == "keys" for side in sides)
    return called_name(node) in {"set", "frozenset", "union", "intersection", "difference", "symmetric_difference"}


def _iterated(node: ast.AST) -> Iterator[ast.expr]:
    if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        yield node.iter
    if isinstance(node, ast.Starred):
        yield node.value
    if called_name(node) in ORDER_KEEPING_CALLS | {"join"}:
        assert isinstance(node, ast.Call)
        yield from node.args


def deadlines(tree: ast.Module) -> Iterator[Breach]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and called_name(node) == "settings":
            for keyword in node.keywords:
                if keyword.arg == "deadline":
                    yield keyword.lineno, "sets a deadline of its own: tests/conftest.py takes it from all examples"


RULES = (
    Rule(
        "short functions", long_functions, "src", "def f():\n" + "    x = 1\n" * 70, "def f():\n" + "    x = 1\n" * 69
    ),
    Rule("short modules", long_module, "src tests", "x = 1\n" * 601, "x = 1\n" * 600),
    Rule(
        "documented",
        undocumented,
        "src",
        '"""M."""\nclass A:\n    """A."""\n    def f(self): pass',
        '"""M."""\ndef _f(): pass',
    ),
    Rule("documented modules", undocumented, "src", "x = 1", '"""M."""'),
    Rule("tests say it", unspoken_tests, "tests", "def test_a(): pass", 'def test_a():\n    """It holds."""'),
    Rule("one sentence", unspoken_tests, "tests", 'def test_a():\n    """It. Or not."""', "def help(): pass"),
    Rule("no deadlines", deadlines, "tests", "@settings(deadline=200)\ndef f(): pass", "f(deadline=200)"),
    Rule("narrow excepts", broad_excepts, "src", "try: f()\nexcept (A, Exception): g()", "try: f()\nexcept A: g()"),
    Rule("named excepts", broad_excepts, "src", "try: f()\nexcept: g()", "try: f()\nexcept ExceptionGroup: g()"),
    Rule("pure imports", forbidden_imports, "core", "def f():\n    import os.path", "import operator"),
    Rule(
        "pure from-imports", forbidden_imports, "core", "from pathlib import Path", "from pathlib import PurePosixPath"
    ),
    Rule("no floats", forbidden_calls, "core", "x = float(y)", "x = isinstance(y, float)"),
    Rule("no hash", forbidden_calls, "core", "x = hash(y)", "x = y.hash()"),
    Rule("no files", forbidden_calls, "core", "with open(x) as y: pass", "y = x.open"),
    Rule("no clock", forbidden_calls, "core", "x = datetime.now()", "x = datetime.fromisoformat(y)"),
    Rule("no fractions", fractions, "core", "x = 0.5", "x = 5"),
    Rule("no division", fractions, "core", "x /= y", "x //= y"),
    Rule("fresh defaults", mutable_defaults, "src", "def f(*, a=[]): pass", "def f(a=(), b=None): pass"),
    Rule("made defaults", mutable_defaults, "src", "f = lambda a=dict(): a", "f = lambda a=frozenset(): a"),
    Rule("no state", mutable_module_state, "core", "X: dict = {}", "X = MappingProxyType({})\n__all__ = ['X']"),
    Rule("no made state", mutable_module_state, "core", "x = defaultdict(int)", "def f():\n    x = {}"),
    Rule("no global", mutable_module_state, "core", "def f():\n    global x", "x = 1"),
    Rule("sets in a loop", iterated_sets, "core", "for x in {1, 2}: pass", "for x in sorted({1, 2}): pass"),
    Rule(
        "sets by name",
        iterated_sets,
        "core",
        "def f():\n    s = set(y)\n    return [x for x in s]",
        "s = {1}\nx = 1 in s",
    ),
    Rule("sets spread", iterated_sets, "core", "x = (*(a - {b}),)", "x = (*(a - b),)"),
    Rule("sets joined", iterated_sets, "core", "x = ','.join(a.keys() & b)", "x = ','.join(a.keys())"),
    Rule("sets listed", iterated_sets, "core", "x = list(frozenset(a))", "x = len(frozenset(a))"),
)


def modules(holds_in: str) -> list[Path]:
    """List the modules where a rule holds: `core`, or the folders named."""
    if holds_in == "core":
        rooms = PROJECT / "src" / "naryq"
        return sorted(
            path for path in rooms.rglob("*.py") if path.relative_to(rooms).parts[0].removesuffix(".py") in CORE
        )
    return sorted(path for folder in holds_in.split() for path in (PROJECT / folder).rglob("*.py"))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


@pytest.mark.parametrize("rule", {rule.find: rule for rule in RULES}.values(), ids=lambda rule: rule.find.__name__)
def test_the_house_keeps_its_rule(rule: Rule) -> None:
    """No module of the house breaks the rule."""
    paths = modules(rule.holds_in)
    assert paths, "a rule that holds nowhere proves nothing"
    breaches = [
        f"{path.relative_to(PROJECT)}:{line}: {what}" for path in paths for line, what in rule.find(parsed(path))
    ]
    assert not breaches, "\n" + "\n".join(breaches)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name.replace(" ", "-"))
def test_the_rule_sees_a_breach(rule: Rule) -> None:
    """The rule catches a planted breach, and lets pass what keeps it."""
    assert len(list(rule.find(ast.parse(rule.breach)))) == 1
    assert list(rule.find(ast.parse(rule.kept))) == []


def test_no_example_has_a_deadline() -> None:
    """Property tests that set nothing themselves have all the time they need."""
    assert settings().deadline is None


def test_functions_are_short_in_the_middle() -> None:
    """Half of all functions have fewer than eight lines."""
    lengths = [line_count(function) for path in modules("src") for function in functions(parsed(path))]
    assert statistics.median(lengths) < FUNCTION_LINES_MEDIAN_BELOW


def test_the_core_is_where_it_was() -> None:
    """Every room that the core's rules name is there: a renamed room would slip out of them."""
    rooms = {path.relative_to(PROJECT / "src" / "naryq").parts[0].removesuffix(".py") for path in modules("core")}
    assert rooms == set(CORE)
