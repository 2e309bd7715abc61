"""The kernel of the engine nbclient, and the way its messages take."""

import asyncio
import time
from queue import Empty

import nbformat
import pytest
import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session
from support.engines import execute
from support.engines import notebook as made

from btkit.errors import RenderError
from btkit.render import execute_template, kernel, notebook
from btkit.render.kernel import AttentiveChannel, OwnKernelManager

pytestmark = pytest.mark.integration

ADDRESS = "inproc://kernel"


@pytest.fixture
def ends():
    with (
        zmq.asyncio.Context() as context,
        zmq.Socket(context, zmq.PAIR) as kernel,
        context.socket(zmq.PAIR) as ours,
    ):
        kernel.bind(ADDRESS)
        ours.connect(ADDRESS)
        yield kernel, ours


async def wait_for_unannounced(kernel, ours, channel, patience_s):
    """Let a message arrive while it is waited for, and something else take the notice of it."""
    session = Session()
    waiting = asyncio.create_task(channel(ours, session).get_msg())
    # One turn of the loop begins to wait; the further ones are for what that begins in its turn.
    for _ in range(10):
        await asyncio.sleep(0)
    session.send(kernel, "execute_reply", {"status": "ok"})
    zmq.Socket.shadow(ours.underlying).get(zmq.EVENTS)
    return await asyncio.wait_for(waiting, patience_s)


def test_a_message_is_found_though_the_notice_of_it_was_lost(ends):
    message = asyncio.run(wait_for_unannounced(*ends, AttentiveChannel, 60.0))
    assert message["content"] == {"status": "ok"}


def test_without_that_it_would_be_waited_for_for_ever(ends):
    with pytest.raises(TimeoutError):
        asyncio.run(wait_for_unannounced(*ends, AsyncZMQSocketChannel, 2.0))


@pytest.mark.parametrize("timeout", [0, 0.05, 0.25])
def test_it_is_waited_for_no_longer_than_asked(ends, timeout):
    async def wait():
        with pytest.raises(Empty):
            await AttentiveChannel(ends[1], Session()).get_msg(timeout)

    start = time.monotonic()
    asyncio.run(wait())
    # The poll counts whole milliseconds.
    assert time.monotonic() - start >= timeout - 0.002


@pytest.fixture
def late(monkeypatch):
    """Let what cells print arrive later than papermill would wait for it."""
    get_msg = AttentiveChannel.get_msg

    async def arriving(*arguments):
        message = await get_msg(*arguments)
        if message["msg_type"] == "stream":
            await asyncio.sleep(4.5)
        return message

    monkeypatch.setattr(
        AttentiveChannel, "get_msg", lambda self, timeout=None: arriving(self, timeout)
    )


def test_what_a_cell_shows_is_waited_for_longer_than_papermill_would(tmp_path, late):
    executed, raised = execute("nbclient", made("print('late')"), tmp_path)
    assert raised is None
    assert executed.cells[0].outputs[0].text == "late\n"


def test_what_never_comes_is_the_kernels_fault_not_the_folders(tmp_path, late, monkeypatch):
    monkeypatch.setattr(kernel, "_LATE_OUTPUT_S", 0)
    nbformat.write(made("print('late')"), tmp_path / "run.ipynb")
    monkeypatch.setattr(notebook, "template_path", lambda _: tmp_path / "run.ipynb")
    with pytest.raises(RenderError, match="kernel stopped"):
        execute_template("run", {}, out_dir=tmp_path / "out", run_id="r", engine="nbclient")


def test_the_channels_of_a_kernel_are_of_that_kind():
    made = OwnKernelManager().client_factory
    kinds = made.shell_channel_class, made.iopub_channel_class, made.control_channel_class
    assert {kind.klass for kind in kinds} == {AttentiveChannel}
