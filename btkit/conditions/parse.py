"""Read a condition: Python's grammar, an allow-list, the namespace; nothing is executed."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from btkit.conditions import forms
from btkit.conditions.calls import AS_OF, CALLS, LONGEST, OVER_TIME, PYTHONS, Call
from btkit.conditions.fold import (
    FALSE,
    NONE,
    ROUND_DIGITS,
    TRUE,
    FoldError,
    binary,
    failing,
    round_to,
    strict,
    unary,
)
from btkit.conditions.forms import Form, Sequence, Text
from btkit.conditions.hints import earlier, like, member, syntax_hint, whole_number
from btkit.conditions.nodes import (
    Column,
    Const,
    Declared,
    Node,
    Of,
    On,
    Over,
    Position,
    Raises,
    Unary,
    boolean,
    number,
)
from btkit.errors import Problem, UsageError
from btkit.indicators import (
    NO_USER_EVENTS,
    POSITION_NAMES,
    UserEvents,
    event_name_in,
    lookup,
    name_hint,
    refuse_event_name,
    split_previous,
)
from btkit.markets import Interval, check_slower, check_symbol
from btkit.spelling import did_you_mean

MAX_CHARACTERS = 2_000
MAX_DEPTH = 50
NO_CONSTANTS: Mapping[str, float] = MappingProxyType({})
NOTHING_DECLARED = frozenset[str]()
NONE_UNKNOWN: Mapping[str, str] = MappingProxyType({})
SIZING_NAMES = frozenset({"risk_pct", "multiplier"})
"""What every sizing formula may read beside the namespace."""
COST_NAMES = frozenset({"commission", "slippage"})
"""What that of a model spec may read, too, whose costs are fractions of the price."""

_UNARY = {ast.USub: "neg", ast.UAdd: "pos"}
_BINARY = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.FloorDiv: "//",
    ast.Mod: "%",
    ast.Pow: "**",
}
_BIT_HINTS = {ast.BitAnd: "write and", ast.BitOr: "write or", ast.BitXor: "write ** for a power"}
_ORDER = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
# name -> (fewest, most) arguments
_CALLS = {
    **PYTHONS,
    **{name: (len(call.arguments), len(call.arguments)) for name, call in CALLS.items()},
}
FUNCTIONS = frozenset(_CALLS)
# What the calls that read other bars name them by.
_WHERE = {"on": "interval", "of": "symbol"}
# What else looks back at texts has no number of them.
_OF_TEXTS_TOO = frozenset({"lag", "count", "bars_since"})
_REFUSED = {
    ast.Attribute: "attributes (a dot after a name)",
    ast.Subscript: "subscripts (square brackets after a name)",
    ast.Lambda: "lambda",
    ast.ListComp: "comprehensions",
    ast.SetComp: "comprehensions",
    ast.DictComp: "comprehensions",
    ast.GeneratorExp: "comprehensions",
    ast.JoinedStr: "f-strings",
    ast.NamedExpr: "':='",
    ast.Starred: "'*' before a value",
    ast.Dict: "dictionaries",
    ast.Set: "sets",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}


def _intraday_name(tree: Node) -> str | None:
    names = (node.name for node in tree.walk() if isinstance(node, Column))
    found = ((name, lookup(name)) for name in names)
    return next((name for name, entry in found if entry is not None and entry.intraday), None)


class _RefusedError(Exception):
    def __init__(self, message: str, *, column: int, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.column = column
        self.hint = hint


def parse_expression(  # noqa: PLR0913 - what may be said of an expression
    text: str,
    *,
    path: str = "expression",
    sizing: bool = False,
    constants: Mapping[str, float] = NO_CONSTANTS,
    further_names: frozenset[str] = frozenset(),
    events: UserEvents | None = NO_USER_EVENTS,
    interval: Interval | None = None,
    declared: frozenset[str] = NOTHING_DECLARED,
    of_these_bars: frozenset[str] = NOTHING_DECLARED,
    lengths: frozenset[str] = frozenset(),
    unknown: Mapping[str, str] = NONE_UNKNOWN,
) -> tuple[Node | None, list[Problem]]:
    """Read one expression into a tree of scalars.

    Parameters
    ----------
    text
        The expression, its parameters filled in.
    path
        Where it stands in the spec, for the problems.
    sizing
        Whether it is a formula for a size or a price: a number instead of a truth value.
    constants
        Names whose value the run fixes, such as ``risk_pct`` in a sizing formula. What fails
        only because of their values is not refused, but fails at every bar.
    further_names
        Names known here beside the namespace, with values that are not known yet.
    events
        The events whose names are known; None for any, of a spec that was checked before.
    interval
        Of the bars, whose slower intervals ``on`` may name; None while it is not known.
    declared
        The columns of the bars that are names here, too.
    of_these_bars
        Those of them that no other instrument has, such as what a classifier says.
    lengths
        Names that stand for whole numbers of bars, which a template fills in later.
    unknown
        Names of the namespace that mean nothing here, with what to read instead.

    Returns
    -------
    tuple
        The tree and no problems, or None and every problem found.
    """
    stripped = text.strip()
    offset = len(text) - len(text.lstrip())
    reader = _Reader(
        stripped,
        offset,
        constants=constants,
        further_names=further_names,
        events=events,
        interval=interval,
        declared=declared,
        of_these_bars=of_these_bars,
        lengths=lengths,
        unknown=unknown,
    )
    try:
        tree = _parse(stripped, offset)
        form = reader.read(tree.body, 1)
    except _RefusedError as refusal:
        reader.problems.append(refusal)
    else:
        if not reader.problems:
            try:
                return _finish(form, sizing=sizing), []
            except (_RefusedError, FoldError) as error:
                reader.problems.append(
                    error
                    if isinstance(error, _RefusedError)
                    else _RefusedError(str(error), column=0, hint=error.hint)
                )
    return None, [
        Problem(path, refusal.message, refusal.hint, refusal.column) for refusal in reader.problems
    ]


def _finish(form: Form, *, sizing: bool) -> Node:
    if sizing:
        if not all(isinstance(branch, Node) for branch in forms.branches(form)):
            raise _RefusedError(
                "a formula must give a number",
                column=0,
                hint='write a size such as "0.1 * capital / close", a price such as "close * 0.95"',
            )
        return forms.scalar(form, _number)
    return forms.truth(form)


def _number(form: Form) -> Node:
    assert isinstance(form, Node)
    return Unary("number", form) if form.may_be_text else form


def _parse(text: str, offset: int) -> ast.Expression:
    if not text:
        raise _RefusedError(
            "the expression is empty", column=0, hint='write a condition such as "close > sma_50"'
        )
    if len(text) > MAX_CHARACTERS:
        raise _RefusedError(
            f"the expression has {len(text)} characters; at most {MAX_CHARACTERS} are read",
            column=MAX_CHARACTERS,
            hint="split it into several conditions",
        )
    try:
        with warnings.catch_warnings():
            # "\d" in a text only warns here; what it means is Python's business.
            warnings.simplefilter("ignore")
            return ast.parse(text, mode="eval")
    except SyntaxError as error:
        start = _line_start(text.split("\n"), error.lineno or 1)
        # Python points before the line, at 0, where the text ends too early.
        column = len(text) if error.offset == 0 else start + max((error.offset or 1) - 1, 0)
        column += offset
        raise _RefusedError(
            f"this is no Python expression: {error.msg}", column=column, hint=syntax_hint(text)
        ) from error
    except (ValueError, RecursionError, MemoryError) as error:
        reason, hint = (
            ("it holds a null character", "remove it")
            if isinstance(error, ValueError)
            else ("too deep", "split it into several conditions")
        )
        raise _RefusedError(
            f"this is no Python expression: {reason}", column=0, hint=hint
        ) from error


def _line_start(lines: list[str], number: int) -> int:
    return sum(len(line) + 1 for line in lines[: number - 1])


class _Reader:
    def __init__(  # noqa: PLR0913 - as for `parse_expression`
        self,
        source: str,
        offset: int,
        *,
        constants: Mapping[str, float],
        further_names: frozenset[str],
        events: UserEvents | None,
        interval: Interval | None,
        declared: frozenset[str],
        of_these_bars: frozenset[str],
        lengths: frozenset[str],
        unknown: Mapping[str, str],
    ) -> None:
        self.declared = declared
        self.unknown = unknown
        self.of_these_bars = of_these_bars
        self.lengths = lengths
        self.constants = constants
        self.further_names = further_names
        self.events = events
        self.interval = interval
        # The calls around what is read, which read bars alone.
        self.inside: list[str] = []
        self.source = source
        self.offset = offset
        self.problems: list[_RefusedError] = []
        self.nodes = 0

    def read(self, node: ast.expr, depth: int) -> Form:
        if depth > MAX_DEPTH:
            raise self.refuse(
                node,
                f"the expression nests deeper than {MAX_DEPTH}",
                "split it into several conditions",
            )
        handler = _HANDLERS.get(type(node))
        if handler is None:
            what = _REFUSED.get(type(node), type(node).__name__)
            hint = earlier(node, []) or "write it with names, numbers, comparisons, and, or, not"
            raise self.refuse(node, f"{what} cannot stand in a condition", hint)
        try:
            form = handler(self, node, depth + 1)
        except FoldError as error:
            if not self.constants:
                raise self.refuse(node, str(error), error.hint) from error
            form = Raises()
        if isinstance(form, Node):
            self.nodes = max(self.nodes, form.size)
        if self.nodes > forms.MAX_NODES:
            raise self.refuse(node, "the expression is too complex", "split it up")
        return form

    def refuse(self, node: ast.expr, message: str, hint: str) -> _RefusedError:
        lines = self.source.split("\n")
        before = lines[node.lineno - 1].encode()[: node.col_offset].decode()
        column = _line_start(lines, node.lineno) + len(before) + self.offset
        return _RefusedError(message, column=column, hint=hint)

    def constant(self, node: ast.Constant, _: int) -> Form:
        value = node.value
        if value is None:
            return NONE
        if isinstance(value, bool):
            return boolean(value)
        if isinstance(value, str):
            return Text(value)
        if isinstance(value, int | float):
            try:
                return number(value)
            except OverflowError as error:
                raise self.refuse(
                    node, "this number is larger than any float", "the largest is about 1.8e308"
                ) from error
        raise self.refuse(
            node,
            f"{type(value).__name__} constants cannot stand in a condition",
            "write a number, a text in quotes, True, False or None",
        )

    def name(self, node: ast.Name, _: int) -> Form:
        written = ast.get_source_segment(self.source, node)
        # Python folds look-alike letters before it looks a name up; here they stay unknown.
        if written == node.id:
            misplaced = self.misplaced(node)
            if misplaced is not None:
                self.problems.append(misplaced)
                return Column(node.id)
            if node.id in self.constants:
                return number(self.constants[node.id])
            if node.id in POSITION_NAMES:
                return Position(node.id)
            column = self.column(node.id)
            if column is not None:
                return column
        hint = self._name_hint(node.id)
        if node.id in SIZING_NAMES:
            hint = "only position_sizing_formula knows it"
        if node.id in _CALLS:
            hint = f"{node.id} is a function: write {node.id}(...)"
        # Reading goes on, so that every unknown name is reported at once.
        self.problems.append(self.refuse(node, f"unknown name '{written}'", hint))
        return Column(node.id)

    def misplaced(self, node: ast.Name) -> _RefusedError | None:
        """Return why a name that there is cannot be read where it stands; None where it can."""
        if node.id in self.unknown:
            message = f"'{node.id}' is of lots of the instrument, and none are held here"
            return self.refuse(node, message, self.unknown[node.id])
        if self.inside and self.is_of_the_run(node.id):
            return self.of_the_run(node)
        if "of" in self.inside and split_previous(node.id)[1] in self.of_these_bars:
            message = (
                f"'{node.id}' is what a classifier says of the run's own bars, and of() reads "
            )
            return self.refuse(
                node,
                f"{message}another instrument's",
                f"compare it outside of of(): {node.id} == ...",
            )
        return None

    def column(self, name: str) -> Column | None:
        if split_previous(name)[1] in self.declared:
            return Declared(name)
        if name in self.further_names or lookup(name) is not None or self._reads_event(name):
            return Column(name)
        return None

    def is_of_the_run(self, name: str) -> bool:
        settings = SIZING_NAMES | COST_NAMES
        known = name in self.constants or name in self.further_names
        return name in POSITION_NAMES or (known and name in settings)

    def of_the_run(self, node: ast.Name) -> _RefusedError:
        call, name = self.inside[-1], node.id
        hint = f"compare it outside of {call}(): {call}(...) > {name}"
        if CALLS[call].arguments[0] != "x" and call not in AS_OF:
            asked = name if name == "in_position" else f"{name} > 0"
            hint = f"ask for it outside of {call}(): {call}(...) and {asked}"
        message = f"'{name}' depends on the run, and {call}() reads bars alone"
        return self.refuse(node, message, hint)

    def _name_hint(self, name: str) -> str:
        like = did_you_mean(name, self.declared)
        if like is not None:
            return like
        near = None if self.events is None else self.events.closest(name)
        if near is not None:
            return f"did you mean '{near}'?"
        hint, of_event = name_hint(name), event_name_in(name)
        if of_event is None or refuse_event_name(of_event.event):
            return hint
        joined = hint if hint.endswith("?") else f"{hint};"
        return f"{joined} BT_EVENTS names a CSV with the dates of events, such as {of_event.event}"

    def _reads_event(self, name: str) -> bool:
        if self.events is None:
            return event_name_in(name) is not None
        return self.events.knows(name)

    def logical(self, node: ast.BoolOp, depth: int) -> Form:
        join = forms.logical_and if isinstance(node.op, ast.And) else forms.logical_or
        return forms.joined(join, [self.read(value, depth) for value in node.values])

    def unary(self, node: ast.UnaryOp, depth: int) -> Form:
        operand = self.read(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return forms.negation(operand)
        if type(node.op) not in _UNARY:
            raise self.refuse(node, "'~' cannot stand in a condition", "write not")
        op = _UNARY[type(node.op)]
        return forms.scalar(operand, lambda form: unary(op, self.arithmetic(node, form)))

    def binary(self, node: ast.BinOp, depth: int) -> Form:
        left, right = self.read(node.left, depth), self.read(node.right, depth)
        op = _BINARY.get(type(node.op))
        if op is None:
            hint = _BIT_HINTS.get(type(node.op), f"the operators are {' '.join(_BINARY.values())}")
            raise self.refuse(node, "bit operators cannot stand in a condition", hint)
        return forms.scalar(
            left,
            lambda first: forms.scalar(
                right,
                lambda second: binary(
                    op, self.arithmetic(node, first), self.arithmetic(node, second)
                ),
            ),
        )

    def arithmetic(self, node: ast.expr, form: Form) -> Node:
        if not isinstance(form, Node):
            raise self.refuse(
                node,
                "arithmetic needs numbers, not texts, tuples or lists",
                "texts, tuples and lists can be compared, with == and in",
            )
        return form

    def conditional(self, node: ast.IfExp, depth: int) -> Form:
        test = forms.truth(self.read(node.test, depth))
        return forms.choice(test, self.read(node.body, depth), self.read(node.orelse, depth))

    def sequence(self, node: ast.Tuple | ast.List, depth: int) -> Form:
        kind = "tuple" if isinstance(node, ast.Tuple) else "list"
        return Sequence(kind, tuple(self.read(item, depth) for item in node.elts))

    def comparison(self, node: ast.Compare, depth: int) -> Form:
        operands = [node.left, *node.comparators]
        values = [self.read(operand, depth) for operand in operands]
        links: list[Form] = [
            self.link(node, op, (operands[index], values[index]), (operands[index + 1], right))
            for index, (op, right) in enumerate(zip(node.ops, values[1:], strict=True))
        ]
        return forms.joined(forms.logical_and, links)

    def link(
        self,
        node: ast.Compare,
        op: ast.cmpop,
        left: tuple[ast.expr, Form],
        right: tuple[ast.expr, Form],
    ) -> Node:
        match op:
            case ast.Eq():
                return forms.equal(left[1], right[1])
            case ast.NotEq():
                return unary("not", forms.equal(left[1], right[1]))
            case ast.In():
                return forms.member(left[1], right[1])
            case ast.NotIn():
                return unary("not", forms.member(left[1], right[1]))
            case ast.Is() | ast.IsNot():
                same = self.identity(node, left, right)
                return same if isinstance(op, ast.Is) else unary("not", same)
            case _:
                return forms.ordered(_ORDER[type(op)], left[1], right[1])

    def identity(
        self, node: ast.Compare, left: tuple[ast.expr, Form], right: tuple[ast.expr, Form]
    ) -> Node:
        for constant, other in ((right, left), (left, right)):
            if isinstance(constant[0], ast.Constant) and constant[1] in (NONE, TRUE, FALSE):
                assert isinstance(constant[1], Const)
                return forms.identical(other[1], constant[1])
        raise self.refuse(node, "'is' needs None, True or False on one side", "compare with ==")

    def call(self, node: ast.Call, depth: int) -> Form:
        if not isinstance(node.func, ast.Name) or node.func.id not in _CALLS:
            allowed = f"only {', '.join(_CALLS)} can be called"
            hint = earlier(node.func, node.args) or member(node) or like(node.func)
            raise self.refuse(node, "this call is not allowed", hint or allowed)
        name = node.func.id
        if node.keywords:
            raise self.refuse(
                node,
                f"{name}() takes no keyword arguments here",
                f"write the values alone: {name}(...)",
            )
        fewest, most = _CALLS[name]
        if not fewest <= len(node.args) <= most:
            count = f"{fewest}" if fewest == most else f"{fewest} to {most}"
            count = f"at most {most}" if fewest == 0 else count
            noun = "argument" if most == 1 else "arguments"
            hint = f"give it {count}" if len(node.args) < fewest else "leave the others out"
            if name in OVER_TIME:
                hint = member(node) or f"write {CALLS[name].written}: {CALLS[name].example}"
            message = f"{name}() takes {count} {noun}, not {len(node.args)}"
            raise self.refuse(node, message, hint)
        if name == "round" and len(node.args) > 1:
            return self.rounded(node, depth)
        if name in AS_OF:
            return self.as_of(node, name, depth)
        if name in OVER_TIME:
            return self.over_time(node, OVER_TIME[name], depth)
        arguments = [self.read(argument, depth) for argument in node.args]
        return _CALL_FORMS[name](arguments)

    def as_of(self, node: ast.Call, name: str, depth: int) -> Form:
        outer = next((call for call in self.inside if call in AS_OF), None)
        if outer is not None:
            hint = "read each by itself: " + " and ".join(
                AS_OF[call].example for call in dict.fromkeys((outer, name))
            )
            if outer == name:
                hint = f"name each {_WHERE[name]} by itself: {AS_OF[name].example}"
            raise self.refuse(node, f"{name}() cannot stand inside {outer}()", hint)
        return self.on(node, depth) if name == "on" else self.of(node, depth)

    def of(self, node: ast.Call, depth: int) -> Form:
        return Of(self.symbol(node.args[0]), self.of_bars(node.args[1], "of", "gives", depth))

    def symbol(self, node: ast.expr) -> str:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            raise self.refuse(
                node,
                "of() takes a symbol first, written out as a text",
                f"write for example {AS_OF['of'].example}",
            )
        try:
            return check_symbol(node.value)
        except UsageError as error:
            raise self.refuse(node, error.message.rstrip("."), error.hint) from error

    def on(self, node: ast.Call, depth: int) -> Form:
        slower = self.slower(node.args[0])
        form = self.of_bars(node.args[1], "on", "gives", depth)
        timed = None if slower.is_intraday else _intraday_name(form)
        if timed is not None:
            raise self.refuse(
                node.args[1],
                f"'{timed}' is of the time within a session, which bars of {slower} do not tell",
                "read it outside of on(), on intraday bars",
            )
        return On(slower, form)

    def of_bars(self, node: ast.expr, call: str, does: str, depth: int) -> Node:
        """Read what a call asks of bars: a scalar without anything of the run."""
        self.inside.append(call)
        try:
            form = self.read(node, depth)
        finally:
            self.inside.pop()
        if not isinstance(form, Node):
            raise self.refuse(
                node,
                f"{call}() {does} a number or a truth value, not a text, tuple or list",
                f"compare inside of it: {call}(..., x == 'text')"
                if call in AS_OF
                else f"write for example {CALLS[call].example}",
            )
        return form

    def over_time(self, node: ast.Call, call: Call, depth: int) -> Form:
        operands = [
            self.of_bars(argument, call.name, "looks back at", depth)
            for argument in node.args[: call.operands]
        ]
        if call.name not in _OF_TEXTS_TOO:
            operands = [_number(operand) for operand in operands]
        length = self.length(node.args[-1], call) if call.takes_length else None
        written = [ast.unparse(argument) for argument in node.args[: call.operands]]
        if isinstance(length, Const):
            written.append(f"{length.number:g}")
        return Over(call.name, tuple(operands), length, f"{call.name}({', '.join(written)})")

    def length(self, node: ast.expr, call: Call) -> Node:
        if isinstance(node, ast.Name) and node.id in self.lengths:
            return Column(node.id)
        bars = whole_number(node)
        if bars is None or not call.least <= bars <= LONGEST:
            raise self.refuse(
                node,
                f"{call.name}() takes a whole number of bars from {call.least} to {LONGEST}, not "
                f"{ast.get_source_segment(self.source, node)}",
                f"write it out, or as a parameter in braces: {call.example}",
            )
        return number(bars)

    def slower(self, node: ast.expr) -> Interval:
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            raise self.refuse(
                node,
                "on() takes a slower interval first, written out as a text",
                'write for example on("1w", close > sma_10)',
            )
        try:
            slower = Interval.parse(node.value)
            if self.interval is not None:
                check_slower(self.interval, slower)
        except UsageError as error:
            raise self.refuse(node, error.message.rstrip("."), error.hint) from error
        if slower.is_longer and slower.count > 1:
            raise self.refuse(
                node, f"on() makes no bars of {slower}", "name minutes or hours, 1d, 1w or 1mo"
            )
        return slower

    def rounded(self, node: ast.Call, depth: int) -> Form:
        value = self.read(node.args[0], depth)
        digits = whole_number(node.args[1])
        if digits is None or abs(digits) > ROUND_DIGITS:
            raise self.refuse(
                node.args[1],
                "round()'s second argument must be a whole number written out, "
                f"from -{ROUND_DIGITS} to {ROUND_DIGITS}",
                "write for example round(close, 2)",
            )
        return forms.scalar(
            value,
            lambda form: (
                round_to(form, digits)
                if isinstance(form, Node)
                else failing(forms.effects(form), "round() of a text or tuple always fails")
            ),
        )


def _numeric_call(op: str) -> Callable[[list[Form]], Form]:
    def of(form: Form) -> Node:
        if isinstance(form, Node):
            return unary(op, form)
        if isinstance(form, Text) and op in ("int", "float"):
            try:
                return number(int(form.text) if op == "int" else float(form.text))
            except (ValueError, OverflowError) as error:
                raise FoldError(f"{op}({form.text!r}) always fails") from error
        return failing(forms.effects(form), f"{op}() of a text, tuple or list always fails")

    return lambda arguments: forms.scalar(arguments[0], of) if arguments else number(0)


def _truth_call(arguments: list[Form]) -> Form:
    return unary("bool", forms.truth(arguments[0])) if arguments else FALSE


def _extreme_call(op: str) -> Callable[[list[Form]], Form]:
    def of(form: Form) -> Form:
        items: Iterable[Form] | None = None
        if isinstance(form, Node) and form.may_be_text:
            raise FoldError(
                f"{op}() of one column chooses among the characters of a text",
                f"give it several values: {op}(a, b)",
            )
        if isinstance(form, Sequence):
            items = form.items
        elif isinstance(form, Text):
            items = [Text(character) for character in form.text]
        if not items:
            return failing(forms.effects(form), f"{op}() of nothing to choose from always fails")
        best = forms.extreme(op, tuple(items))
        needed = forms.effects(form)
        return forms.distribute(
            best,
            # To choose among texts each of them has been worked out already.
            lambda branch: (
                strict(needed, branch)
                if isinstance(branch, Node) and not branch.may_be_text
                else branch
            ),
        )

    def call(arguments: list[Form]) -> Form:
        if len(arguments) == 1:
            return forms.distribute(arguments[0], of)
        return of(Sequence("tuple", tuple(arguments)))

    return call


_CALL_FORMS: dict[str, Callable[[list[Form]], Form]] = {
    "abs": _numeric_call("abs"),
    "round": _numeric_call("round"),
    "int": _numeric_call("int"),
    "float": _numeric_call("float"),
    "bool": _truth_call,
    "len": lambda arguments: forms.length(arguments[0]),
    "min": _extreme_call("min"),
    "max": _extreme_call("max"),
}
# Each handler takes the node type that it stands beside.
_HANDLERS: dict[type[ast.expr], Callable[[_Reader, Any, int], Form]] = {
    ast.Constant: _Reader.constant,
    ast.Name: _Reader.name,
    ast.BoolOp: _Reader.logical,
    ast.UnaryOp: _Reader.unary,
    ast.BinOp: _Reader.binary,
    ast.IfExp: _Reader.conditional,
    ast.Tuple: _Reader.sequence,
    ast.List: _Reader.sequence,
    ast.Compare: _Reader.comparison,
    ast.Call: _Reader.call,
}
__all__ = ["MAX_CHARACTERS", "MAX_DEPTH", "parse_expression"]
