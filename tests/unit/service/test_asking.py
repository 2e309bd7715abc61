"""What is asked for is queued once, answered at once, and refused whole."""

from support.service import BACKTEST, work_off


def test_a_backtest_is_queued(client, dispatcher):
    answer = client.post("/backtests/start", json=BACKTEST)
    assert answer.status_code == 202
    said = answer.json()
    assert answer.headers["location"] == f"/operations/{said['operation_id']}"
    assert int(answer.headers["retry-after"]) > 0
    assert (said["status"], said["done"], said["kind"]) == ("queued", False, "run")
    assert (said["strategy_name"], said["symbol"], said["workers"]) == ("crossing", "SPX", 1)
    assert dispatcher.woken == 1
    assert client.get(answer.headers["location"]).json() == said
    assert client.get("/operations").json()["operations"] == [said]


def test_a_complete_one_has_its_document(client, settings):
    said = client.post("/backtests/start", json=BACKTEST).json()
    run_id = work_off(settings, said["operation_id"])
    done = client.get(f"/operations/{said['operation_id']}").json()
    assert (done["done"], done["status"], done["run_id"]) == (True, "complete", run_id)
    assert done["result"] == client.get(f"/runs/{run_id}").json()
    assert done["result"]["run"]["initial_capital"] == 50_000.0
