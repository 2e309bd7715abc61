"""What is asked for is queued once, answered at once, and refused whole."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.service import BACKTEST, STRATEGY, settings_in, work_off
from support.specs import rules

from btkit.jobs import execute
from btkit.jobs.asking import make_job, stored_job
from btkit.jobs.job import RunJob
from btkit.jobs.prepare import prepare
from btkit.storage import Store

JOB = {
    "kind": "run",
    "spec": STRATEGY,
    "symbol": "SPX",
    "start": "2010-01-04",
    "end": "2011-12-30",
    "source": "sample",
}
SWEEP = {**JOB, "kind": "sweep", "parameters": {"n": [10, 20, 30]}}


def start(client, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post("/backtests/start", json=body, headers=named)


def problems(answer, status=422):
    assert answer.status_code == status, answer.text
    return {each["pointer"]: each for each in answer.json()["details"]["problems"]}


def test_a_backtest_is_queued(client, dispatcher):
    answer = start(client, BACKTEST)
    assert answer.status_code == 202
    said = answer.json()
    assert answer.headers["location"] == f"/operations/{said['operation_id']}"
    assert int(answer.headers["retry-after"]) > 0
    assert "preference-applied" not in answer.headers
    assert (said["status"], said["done"], said["kind"]) == ("queued", False, "run")
    assert (said["strategy_name"], said["symbol"], said["workers"]) == ("crossing", "SPX", 1)
    assert dispatcher.woken == 1
    assert client.get(answer.headers["location"]).json() == said
    assert client.get("/operations").json()["operations"] == [said]


def test_what_is_stored_is_the_job_of_the_command(client, settings):
    said = start(client, BACKTEST).json()
    operation = Store.from_settings(settings).operations.get(said["operation_id"])
    asked = {"capital": 50_000.0, "spec": STRATEGY, "symbol": "SPX", "source": "sample"}
    job = make_job(RunJob, {**asked, "start": "2010-01-04", "end": "2011-12-30"}, settings=settings)
    assert stored_job(operation.request) == prepare(job, settings=settings)


def test_a_complete_one_has_the_numbers_of_a_local_run(client, settings):
    said = start(client, BACKTEST).json()
    run_id = work_off(settings, said["operation_id"])
    done = client.get(f"/operations/{said['operation_id']}").json()
    assert (done["done"], done["status"], done["run_id"]) == (True, "complete", run_id)
    assert done["result"] == client.get(f"/runs/{run_id}").json()
    local = execute(
        make_job(
            RunJob,
            {**JOB, "capital": 50_000.0},
            settings=settings,
        ),
        settings=settings,
        store=False,
    )
    metrics = done["result"]["metrics"]
    assert metrics["sharpe_ratio"] == local.metrics.sharpe_ratio
    assert metrics["total_trades"] == local.metrics.total_trades > 0


@pytest.mark.parametrize(
    ("asked", "kind", "name"),
    [
        ({"strategy_name": "golden_cross", "symbol": "SPX"}, "run", "golden_cross"),
        ({"strategy_name": "spx_mlp"}, "run", "spx_mlp"),
        ({"strategy_name": "iron_condor_monthly", "symbol": "SPX"}, "options-sim", None),
    ],
)
def test_a_strategy_that_ships_is_known_by_its_name(client, asked, kind, name):
    answer = start(client, {**asked, "start_date": "2012-01-03", "end_date": "2013-12-31"})
    said = answer.json()
    assert (answer.status_code, said["kind"], said["symbol"]) == (202, kind, "SPX")
    assert name in {None, said["strategy_name"]}


@pytest.mark.parametrize(
    "job",
    [
        JOB,
        SWEEP,
        {**JOB, "kind": "walk-forward", "windows": 2},
        {"kind": "batch", "name": "two", "jobs": [JOB, SWEEP]},
    ],
)
def test_any_job_by_its_kind(client, settings, job):
    said = start(client, job).json()
    assert (said["kind"], said["status"]) == (job["kind"], "queued")
    request = Store.from_settings(settings).operations.get(said["operation_id"]).request
    assert stored_job(request).kind == job["kind"]


def test_all_that_is_wrong_is_said_at_once_by_the_names_of_the_request(client):
    spec = {**STRATEGY, "entry_conditions": ["clse > sma_{n}"], "colour": 1}
    wrong = {"spec": spec, "start_date": "2010-01-32", "initial_capital": -1, "slippage": 2}
    found = problems(start(client, wrong))
    assert found.keys() == {
        "/spec/entry_conditions/0", "/spec/colour", "/symbol", "/start_date", "/end_date",
        "/initial_capital", "/slippage",
    }  # fmt: skip
    assert found["/spec/entry_conditions/0"]["hint"] == "did you mean 'close'?"
    assert found["/start_date"]["message"].startswith("start_date is '2010-01-32'")
    assert client.get("/operations").json()["operations"] == []


def test_what_is_wrong_with_jobs_of_a_batch_stands_where_they_do(client):
    bad = {**JOB, "spec": {**STRATEGY, "exit_conditions": ["nothing > 1"]}}
    found = problems(start(client, {"kind": "batch", "jobs": [JOB, bad, bad]}))
    assert found.keys() == {f"/jobs/{number}/spec/exit_conditions/0" for number in (1, 2)}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"start_date": "2010-01-04", "end_date": "2010-12-31"}, "/strategy_name"),
        ({**BACKTEST, "strategy_name": "golden_cross"}, "/strategy_name"),
        ({**BACKTEST, "colour": 1}, "/colour"),
        ({**BACKTEST, "task_id": "a/b"}, "/task_id"),
        ({**BACKTEST, "task_id": ""}, "/task_id"),
        ({**BACKTEST, "spec": None, "strategy_name": "goldn_cross"}, "/strategy_name"),
        ({**JOB, "kind": "plan"}, "/kind"),
        ({**JOB, "rendering": {}}, "/rendering"),
        ({"kind": "batch", "jobs": [{**JOB, "rendering": {}}]}, "/jobs/0/rendering"),
        (
            {
                **SWEEP,
                "spec": {
                    **STRATEGY,
                    "entry_conditions": ["close > mean(close, {n})"],
                    "exit_conditions": [],
                },
                "parameters": {"n": [*range(1, 501), 501]},
            },
            "/spec/entry_conditions/0",
        ),
        (
            {
                **JOB,
                "kind": "walk-forward",
                "spec": {**STRATEGY, "exit_conditions": []},
                "optimize": {"n": [2, 5.05]},
            },
            "/spec/entry_conditions/0",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_where_it_stands(client, body, pointer):
    assert list(problems(start(client, body))) == [pointer]


def test_a_task_id_is_the_operations_id_and_is_taken_once(client):
    said = start(client, {**BACKTEST, "task_id": "mine-1"}).json()
    assert said["operation_id"] == "mine-1"
    again = start(client, {**BACKTEST, "task_id": "mine-1"})
    assert (again.status_code, again.json()["error_type"]) == (409, "ConflictError")
    assert len(client.get("/operations").json()["operations"]) == 1


def test_the_same_key_and_body_are_one_operation(client, dispatcher):
    first = start(client, BACKTEST, idempotency_key="k1")
    moved = json.dumps(dict(reversed(BACKTEST.items())), indent=3)
    headers = {"Content-Type": "application/json", "Idempotency-Key": "k1"}
    again = client.post("/backtests/start", content=moved, headers=headers)
    assert again.status_code == 202
    assert again.json() == first.json()
    assert dispatcher.woken == 1
    other = start(client, {**BACKTEST, "commission": 1.0}, idempotency_key="k1")
    assert (other.status_code, other.json()["error_type"]) == (422, "ConflictError")
    assert start(client, BACKTEST, idempotency_key="k2").json() != first.json()


@pytest.mark.parametrize("batch", [False, True])
def test_axes_in_another_order_are_another_body(client, batch):
    def asked(axes):
        spec = rules(parameters={"n": 5, "m": 9}, entry_conditions=["sma_{n} > sma_{m}"])
        job = {"kind": "sweep", "spec": spec, "symbol": "SPX", "source": "sample",
               "start": "2012-01-03", "end": "2013-12-31", "parameters": axes}  # fmt: skip
        body = {"kind": "batch", "jobs": [job]} if batch else job
        return start(client, body, idempotency_key="k")

    axes = {"n": [5, 6], "m": [9, 12]}
    first = asked(axes)
    assert first.status_code == 202, first.text
    assert asked(axes).json() == first.json()
    assert asked(dict(reversed(axes.items()))).status_code == 422


def test_at_once_they_are_one_operation_as_well(client):
    gate = threading.Barrier(8)

    def ask(_):
        gate.wait()
        return start(client, BACKTEST, idempotency_key="k").json()["operation_id"]

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1


def test_a_full_queue_says_when_to_come_again(served, tmp_path):
    client = served(settings_in(tmp_path, queue_limit=2))
    assert [start(client, BACKTEST).status_code for _ in range(3)] == [202, 202, 503]
    answer = start(client, BACKTEST)
    assert answer.json()["error_type"] == "QueueFullError"
    assert answer.json()["retryable"] is True
    assert int(answer.headers["retry-after"]) > 0


def test_without_workers_it_is_queued(client, dispatcher):
    dispatcher.present = []
    answer = start(client, BACKTEST)
    assert (answer.status_code, answer.json()["workers"]) == (202, 0)


def test_waiting_is_answered_when_it_is_done(client, settings):
    def finish():
        (waiting,) = _until(lambda: client.get("/operations").json()["operations"])
        work_off(settings, waiting["operation_id"])

    worker = threading.Thread(target=finish)
    worker.start()
    answer = start(client, BACKTEST, prefer="respond-async, wait=600")
    worker.join()
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait=60"
    assert answer.json()["result"]["metrics"]["total_trades"] > 0


def _until(look):
    while not (found := look()):
        pass
    return found


@pytest.mark.parametrize("prefer", ["wait=0", "WAIT = 0", 'wait="0"; foo=bar'])
def test_waiting_in_vain_is_answered_as_if_there_had_been_none(client, prefer):
    answer = start(client, BACKTEST, prefer=prefer)
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, "wait=0")


@pytest.mark.parametrize("prefer", ["wait", "wait=x", "wait=-1", "handling=lenient", ""])
def test_a_preference_that_nobody_knows_is_left(client, prefer):
    answer = start(client, BACKTEST, prefer=prefer)
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers


def test_a_plan_runs_and_stores_nothing(client, settings):
    answer = client.post("/plan", json=BACKTEST)
    assert answer.status_code == 200
    assert answer.json()["plan_hash"]
    assert client.get("/operations").json()["operations"] == []
    assert client.get("/runs").json()["runs"] == []
    assert "/spec/colour" in problems(
        client.post("/plan", json={**BACKTEST, "spec": {**STRATEGY, "colour": 1}})
    )


def test_fields_that_there_are_not_hide_nothing_else_that_is_wrong(client):
    body = {
        **BACKTEST,
        "end_date": "2011-12-32",
        "simbol": "SPX",
        "start": "x",
        "initial_capital": 0,
    }
    body |= {"task_id": "a/b", "spec": {**STRATEGY, "exit_conditions": ["close < smaa_{n}"]}}
    found = problems(start(client, body))
    assert found.keys() == {
        "/task_id", "/simbol", "/start", "/end_date", "/initial_capital", "/spec/exit_conditions/0"
    }  # fmt: skip
    assert "symbol" in found["/simbol"]["hint"]
    assert "start_date" in found["/start"]["hint"]


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_a_request_without_a_body_is_told_what_to_send(client, body):
    answer = client.post(
        "/backtests/start", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    (said,) = answer.json()["details"]["problems"]
    assert said["message"] == "it has none"
    assert "GET /openapi.json" in said["hint"]
    assert answer.json()["hint"] == said["hint"]


@pytest.mark.parametrize("asked", ["strategy_name", "spec", "batch"])
def test_a_name_is_enough_for_a_strategy_wherever_one_is_named(client, asked):
    days = {"symbol": "SPX", "start": "2010-01-04", "end": "2011-12-30", "source": "sample"}
    body = {"kind": "run", "spec": "golden_cross", **days}
    if asked == "batch":
        body = {"kind": "batch", "jobs": [body]}
    elif asked == "strategy_name":
        body = {"strategy_name": "golden_cross", **days}
        body |= {"start_date": body.pop("start"), "end_date": body.pop("end")}
    answer = start(client, body)
    assert answer.status_code == 202, answer.text
    text = json.dumps(body).replace("golden_cross", "golden_corss")
    (said,) = problems(start(client, json.loads(text))).values()
    assert "golden_cross" in said["hint"]
