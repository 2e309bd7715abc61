"""The kernel of the engine nbclient, and the way its messages take."""

import asyncio
import time
from queue import Empty

import pytest
import zmq
import zmq.asyncio
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.session import Session

from btkit.render.kernel import AttentiveChannel, OwnKernelManager

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


async def wait_for_unannounced(kernel, ours, channel):
    """Let a message arrive while it is waited for, and something else take the notice of it."""
    session = Session()
    waiting = asyncio.create_task(channel(ours, session).get_msg())
    await asyncio.sleep(0.01)
    session.send(kernel, "execute_reply", {"status": "ok"})
    zmq.Socket.shadow(ours.underlying).get(zmq.EVENTS)
    return await asyncio.wait_for(waiting, 2.0)


def test_a_message_is_found_though_the_notice_of_it_was_lost(ends):
    message = asyncio.run(wait_for_unannounced(*ends, AttentiveChannel))
    assert message["content"] == {"status": "ok"}


def test_without_that_it_would_be_waited_for_for_ever(ends):
    with pytest.raises(TimeoutError):
        asyncio.run(wait_for_unannounced(*ends, AsyncZMQSocketChannel))


@pytest.mark.parametrize("timeout", [0, 0.05, 0.25])
def test_it_is_waited_for_no_longer_than_asked(ends, timeout):
    async def wait():
        with pytest.raises(Empty):
            await AttentiveChannel(ends[1], Session()).get_msg(timeout)

    start = time.monotonic()
    asyncio.run(wait())
    assert time.monotonic() - start >= timeout


def test_the_channels_of_a_kernel_are_of_that_kind():
    made = OwnKernelManager().client_factory
    kinds = made.shell_channel_class, made.iopub_channel_class, made.control_channel_class
    assert {kind.klass for kind in kinds} == {AttentiveChannel}
