import comm
import ipywidgets
import pytest
from comm.base_comm import BaseComm

from btkit.widgets.figure import discard, make_figure, publish

DATA = [{"type": "scatter", "x": [0.0, 1.0], "y": [1.0, 2.0]}]
LAYOUT = {"xaxis": {"type": "date"}, "title": {"text": "first"}}


@pytest.fixture
def figure():
    made = make_figure(DATA, LAYOUT, name="f")
    yield made
    discard(made)


def test_a_browser_learns_of_a_figure_when_it_is_whole(figure):
    known = len(ipywidgets.widgets.widget._instances)
    figure.data[0].y = [3.0, 4.0]
    assert len(ipywidgets.widgets.widget._instances) == known
    publish(figure)
    assert figure._widget_data[0]["y"] == [3.0, 4.0]
    assert figure.comm is not None


def test_the_first_message_carries_all_of_it(monkeypatch):
    opened = []

    class Recorded(BaseComm):
        def publish_msg(self, msg_type, data=None, **_others):
            if msg_type == "comm_open":
                opened.append(data["state"])

    monkeypatch.setattr(comm, "create_comm", Recorded)
    made = make_figure(DATA, LAYOUT, name="f")
    publish(made)
    discard(made)
    (state,) = [state for state in opened if "_widget_data" in state]
    assert state["_widget_data"][0]["y"] == [1.0, 2.0]
    # What must be ready within two seconds is small; the library comes after it.
    assert len(state["_esm"]) < 5_000
    assert len(state["_plotly"]) > 1_000_000


def test_the_whole_state_goes_along_until_it_is_drawn(figure):
    publish(figure)
    figure.layout.title.text = "second"
    publish(figure)
    assert figure._widget_layout["title"]["text"] == "second"
    figure._js2py_traceDeltas = {"trace_deltas": [], "trace_edit_id": 0}
    figure.layout.title.text = "third"
    publish(figure)
    assert figure._widget_layout["title"]["text"] == "second"


def test_new_data_do_not_turn_dates_into_numbers(figure):
    publish(figure)
    sent = []
    figure.observe(lambda change: sent.append(change["new"]), "_py2js_update")
    with figure.batch_update():
        figure.data[0].x = [2.0, 3.0]
    assert sent[0]["layout_data"] == {"xaxis.type": "date"}


def test_what_is_discarded_holds_no_data(figure):
    publish(figure)
    discard(figure)
    assert (list(figure.data), figure._widget_data, figure.comm) == ([], [], None)
