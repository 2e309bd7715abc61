"""Specs, symbols and run ids of strangers, through the real command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st
from support.specs import rules, spread

# Ten times what the slowest refusal takes, for slow machines; an attack would take for ever.
SECONDS = 12
MEGABYTES = 500
RANGE = ["--start", "2010-01-01", "--end", "2010-12-31"]


@contextmanager
def cpu_limit():
    """Fail what takes longer than `SECONDS` of processor time, however busy the machine is."""

    def late(*_):
        message = f"more than {SECONDS} s"
        raise AssertionError(message)

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


FORBIDDEN = {
    "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "pty.spawn", "socket.connect",
    "subprocess.Popen",
}  # fmt: skip
heard = []


def listen(event, _arguments):
    if event in FORBIDDEN:
        heard.append(event)


sys.addaudithook(listen)


@pytest.fixture(autouse=True)
def nothing_runs():
    """Fail a test in which this process starts another or connects to one."""
    heard.clear()
    yield
    assert not heard
    assert "antigravity" not in sys.modules


def conditions(*texts):
    return json.dumps(rules(entry_conditions=list(texts)))


def fields(**changes):
    # Python writes NaN and Infinity, which JSON has not.
    return json.dumps(rules(**changes))


def laughs():
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]"
        for old, new in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    return "\n".join(lines)


CORPUS = {
    "deep brackets": "[" * 500_000,
    "deep braces": '{"a":' * 100_000,
    "deep flow": "name: " + "[" * 400_000,
    "deep blocks": "".join(" " * depth + "- \n" for depth in range(1_300)),
    "deep parentheses": conditions("(" * 900 + "close" + ")" * 900 + " > 1"),
    "deep nots": conditions("not " * 490 + "in_position"),
    "deep signs": conditions("-" * 1_900 + "1 > 0"),
    "deep powers": conditions("2" + "**2" * 600 + " > 1"),
    "power tower": conditions("9**9**9**9 > 1"),
    "power tower of floats": conditions("9.0**9.0**9.0 > close"),
    "huge number": conditions("close > " + "9" * 1_900),
    "huge text": conditions("'x' * 1000000000 == 'y'"),
    "huge tuple": conditions("close in (" + "1," * 950 + ")", "(1,) * 10**9 == close"),
    "class": conditions("().__class__.__bases__[0].__subclasses__()"),
    "import": conditions("__import__('os').system('touch pwned')"),
    "lambda": conditions("(lambda: 1)() > 0"),
    "generator": conditions("max(x for x in (1, 2)) > 0"),
    "format": conditions("'{0.__class__}'.format(close) == ''", "f'{close}' == ''"),
    "walrus": conditions("(close := 1) > 0"),
    "star": conditions("max(*(1, 2)) > 0", "max(**{}) > 0"),
    "await": conditions("await close", "yield close"),
    "line break": conditions("close > 1\nimport os"),
    "null": conditions("close > 1\0"),
    "surrogate": conditions("close > \ud800"),
    "cyrillic o": conditions("cl\u043ese > 1"),
    "full width": conditions("\uff43\uff4c\uff4f\uff53\uff45 > 1"),
    "ligature": conditions("\ufb01nish > 1"),
    "right to left": conditions("close > 1 \u202e# 0 < esolc"),
    "arabic digits": conditions("close > \u0661"),
    "parameter": fields(entry_conditions=["close > {x.__class__}"], parameters={"x": 1}),
    "parameter text": fields(
        entry_conditions=["close > {x}"], parameters={"x": "__import__('os')"}
    ),
    "many parameters": fields(parameters={f"p{n}": n for n in range(19_000)}),
    "many conditions": conditions(*["close > 1"] * 19_000),
    "many values": fields(instruments=["A"] * 200_000),
    "many keys": json.dumps({f"k{n}": 1 for n in range(50_000)}),
    "repeated keys": '{"name": "a", "name": "b"}',
    "not a number": fields(per_trade_risk_pct=float("nan")),
    "infinity": fields(per_trade_risk_pct=float("inf")),
    "1e308": fields(per_trade_risk_pct=1e308),
    "huge holding": fields(max_holding_bars=10**400),
    "huge positions": fields(max_concurrent_positions=10**30),
    "float for integer": fields(max_holding_bars=1e308),
    "long integer": '{"max_holding_bars": ' + "9" * 100_000 + "}",
    "object tag": "x: !!python/object/apply:os.system ['touch pwned']\n",
    "name tag": "x: !!python/name:os.system\n",
    "module tag": "!!python/module:antigravity\n",
    "alias bomb": laughs(),
    "recursive alias": "&a [*a]",
    "merge key": "base: &b {name: x}\n<<: *b\n",
    "null in name": fields(name="a\0b"),
    "order of letters in name": fields(name="a\u202eb"),
    "nothing seen in name": fields(name="a\u200bb"),
    "long name": fields(name="a" * 900_000),
    "spread": json.dumps(spread(short_delta=1e308, long_delta=float("nan"))),
    "binary": b"\x00\xff\xfe" * 1_000,
    "utf-16": fields().encode("utf-16"),
    "empty": "",
    "50 MB of blanks": b" " * 50_000_000,
    "50 MB of brackets": b"[" * 50_000_000,
    "50 MB of lines": b"a: b\n" * 10_000_000,
}


@pytest.mark.parametrize("content", CORPUS.values(), ids=CORPUS.keys())
@pytest.mark.parametrize("ending", ["json", "yaml"])
def test_a_hostile_spec_is_refused(backtest, workplace, content, ending):
    path = workplace / f"hostile.{ending}"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "replace"))
    with cpu_limit():
        code, document, _ = backtest("run", "--strategy", path, "--symbol", "SPX", *RANGE)
    assert code == 2
    assert document["error"]["type"] in {"SpecError", "SpecKindError", "UsageError"}
    assert len(json.dumps(document)) < 200_000
    assert not list(workplace.glob("**/pwned"))
    assert not (workplace / "results.db").exists()


@pytest.mark.parametrize("text", ["1 < " * 480 + "2", "close in (" + "1, " * 600 + "2)"])
def test_what_is_long_but_legal_is_quick(backtest, workplace, text):
    path = workplace / "long.json"
    path.write_text(conditions(text))
    with cpu_limit():
        assert backtest("validate", "--strategy", path)[0] == 0


TEXTS = st.text(max_size=60) | st.sampled_from(
    ["close", "9**9**9", "sma_50", "(", ")", "not ", " and ", "{x}", "__class__", "'", "\u202e"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@profile(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    changes=st.dictionaries(st.sampled_from([*rules(), "parameters", "fill", "x"]), VALUES),
    expression=st.lists(TEXTS, max_size=8).map("".join),
    wants_yaml=st.booleans(),
)
def test_whatever_a_spec_holds_there_is_a_document(
    backtest, workplace, changes, expression, wants_yaml
):
    path = workplace / ("generated.yaml" if wants_yaml else "generated.json")
    spec = rules(exit_conditions=[expression]) | changes
    path.write_text(json.dumps(spec), encoding="utf-8")
    with cpu_limit():
        code, document, _ = backtest("validate", "--strategy", path)
    assert code in (0, 2)
    assert code == 0 or document["error"]["type"] in {"SpecError", "UsageError"}


HOSTILE_EXPRESSIONS = [
    "9**9**9**9 > fast", "().__class__", "__import__('os').system('touch pwned')", "fast " * 20_000,
    "(" * 900 + "fast" + ")" * 900 + " > 1", "f\u0430st > 1", "close > fast", "fast > \u0661",
    "lambda: fast", "{fast} > 1", "'x' * 10**9 == fast", "not " * 490 + "fast", "(fast := 2) > 1",
    "fast.__class__", "fast > 1; import os", "\ud800", "fast > \0", "None",
]  # fmt: skip
HOSTILE_AXES = [
    "fast", "fast=", "=1:2:1", "fast=:::", "fast=1:2:3:4", "fast=5:50:0", "fast=5:50:-1",
    "fast=0:1e308:1e-308", "fast=1:1e18:1", "fast=nan:inf:1", "fast=1:2:nan", "fast=1e400",
    "fast=" + "9" * 5_000, "fast=1:" + "9" * 5_000 + ":1", "fast=" + "1," * 50_000,
    "fast=1e999999999:1e9999999999:1", "fast=1:5:1e-9999999", "fast=__import__('os')",
    "fast=9**9**9", "f\u0430st=1:5:1", "$(touch pwned)=1:2:1", "fast=1;touch pwned",
    "fast=0x10:0x20:1", "\ud800=1:2:1", "fast=1:2:1\0", "__class__=1",
]  # fmt: skip


@pytest.fixture
def search(backtest, workplace):
    """Run a sweep or a walk-forward search over a spec with one parameter."""
    spec = rules(entry_conditions=["close > sma_{fast}"], parameters={"fast": 20})
    (workplace / "search.json").write_text(json.dumps(spec))
    backtest("list")  # what is only imported once is not to be measured
    import btkit.jobs.walk_forward  # noqa: F401, PLC0415 - likewise

    def call(command, axis, *more):
        flag = "--param" if command == "sweep" else "--optimize"
        return backtest(
            command, "--strategy", "search.json", "--symbol", "SPX", *RANGE, "--no-report",
            f"{flag}={axis}", *more,
        )  # fmt: skip

    return call


@pytest.mark.parametrize("command", ["sweep", "walk-forward"])
@pytest.mark.parametrize("axis", HOSTILE_AXES, ids=range(len(HOSTILE_AXES)))
def test_a_hostile_axis_is_refused(search, workplace, command, axis):
    with cpu_limit():
        code, document, _ = search(command, axis)
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert len(json.dumps(document)) < 500_000
    assert not (workplace / "results.db").exists()
    assert not (workplace / "pwned").exists()


@pytest.mark.parametrize("command", ["sweep", "walk-forward"])
@pytest.mark.parametrize("text", HOSTILE_EXPRESSIONS, ids=range(len(HOSTILE_EXPRESSIONS)))
def test_a_hostile_constraint_is_refused(search, workplace, command, text):
    with cpu_limit():
        code, document, _ = search(command, "fast=5:50:5", f"--constraint={text}")
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert not (workplace / "results.db").exists()
    assert not (workplace / "pwned").exists()


@profile(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    axis=st.text(max_size=30)
    | st.lists(st.sampled_from([*"0123456789:,.-+e_ ", "inf", "nan"]), max_size=12).map(
        lambda parts: "fast=" + "".join(parts)
    ),
)
def test_whatever_an_axis_says_there_is_a_document(search, axis):
    # The constraint holds at no set, so that what is read without harm is not run.
    with cpu_limit():
        code, document, _ = search("sweep", axis, "--constraint=fast < fast")
    assert (code, document["error"]["type"]) == (2, "UsageError")


@pytest.mark.parametrize(
    "symbol",
    [
        "", " ", "-rf", "--help", "../SPX", "a/../../b", "SPX;touch pwned", "$(touch pwned)",
        "`touch pwned`", "SPX\nrm", "SPX\0", "'; DROP TABLE backtest_runs;--", "\uff33PX",
        "S" * 41, "C:\\SPX", "%2e%2e", "SPX|touch pwned", "*", "~", "\ud800",
    ],
)  # fmt: skip
def test_a_hostile_symbol_is_refused(backtest, workplace, symbol):
    code, document, _ = backtest(
        "run", "--strategy", "tiny.json", f"--symbol={symbol}", *RANGE, "--no-report"
    )
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert not (workplace / "results.db").exists()
    code, document, _ = backtest("list", f"--symbol={symbol}")
    assert (code, document["error"]["type"]) == (2, "UsageError")


@pytest.mark.parametrize("folder", ["a\0b", "\ud800", "~nobody-of-this-name/x"])
def test_a_folder_that_can_be_none(backtest, workplace, folder):
    before = sorted(workplace.rglob("*"))
    code, document, _ = backtest("export", f"--output={folder}")
    assert (code, document["error"]["type"]) == (2, "UsageError")
    assert sorted(workplace.rglob("*")) == before


def test_a_symbol_of_harmless_oddity_reaches_no_path(backtest, workplace, monkeypatch):
    monkeypatch.setenv("BT_DATA_SOURCE", "files")
    monkeypatch.setenv("BT_DATA_DIR", str(workplace / "bars"))
    (workplace / "bars").mkdir()
    (workplace / "secret.csv").write_text("date,open,high,low,close,volume\n")
    for symbol in ("/etc/passwd", "./secret", "a/b/c", "http://x/y"):
        code, document, _ = backtest(
            "run", "--strategy", "tiny.json", f"--symbol={symbol}", *RANGE, "--no-report"
        )
        assert code in (1, 2)
        assert "error" in document


@pytest.mark.parametrize(
    "run_id",
    [
        "", ".", "..", "../../etc/passwd", "*", "%", "1; DROP TABLE backtest_runs", "' OR '1'='1",
        "$(touch pwned)", "-", "--help", "x" * 100_000, "\0", "\ud800",
        "123e4567-e89b-42d3-a456-42661417400\u0660", "123e4567-e89b-42d3-a456-426614174000/..",
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["report", "resume", "cancel", "delete", "verify", "export"])
def test_a_hostile_run_id_is_unknown(backtest, workplace, command, run_id):
    before = sorted(workplace.rglob("*"))
    code, document, _ = backtest(command, f"--run-id={run_id}")
    assert (code, document["error"]["type"]) == (2, "RunNotFoundError")
    assert sorted(workplace.rglob("*")) == before


# A child counts as its own what its parent held when it was forked, so the command is started by
# a process that holds next to nothing, instead of by the tests.
LAUNCHER = f"""
import json, os, resource, sys
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS + 3}, {SECONDS + 3}))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    os.execv(sys.executable, [sys.executable, "-m", "btkit.cli.main", *sys.argv[1:]])
_, status, usage = os.wait4(child, 0)
seconds = usage.ru_utime + usage.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss]))
"""


@pytest.mark.parametrize(
    "name", ["power tower", "deep flow", "alias bomb", "50 MB of brackets", "50 MB of lines"]
)
def test_a_process_stays_within_time_and_memory(workplace, name):
    content = CORPUS[name]
    path = workplace / "hostile.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    done = subprocess.run(
        [sys.executable, "-c", LAUNCHER, "validate", "--strategy", str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    heard.clear()
    exit_code, seconds, kilobytes = json.loads(done.stdout.splitlines()[-1])
    assert exit_code == 2
    assert seconds < SECONDS
    assert kilobytes < MEGABYTES * 1024
