"""A real JupyterLab for the browser tests, on a folder of its own."""

from __future__ import annotations

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from support.looks import PageTroubles

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "tests"  # noqa: S105 - of a server that only the tests reach
START_S = 120
TIMEOUT_MS = 90_000  # of one step; a busy machine is no fault


@contextmanager
def served(command: list[str], *, folder: Path, port: int, ready: str) -> Iterator[str]:
    """Run a server until the block ends, and give its address once it answers."""
    environment = os.environ | {
        "BT_DB_PATH": str(folder / "results.db"),
        "BT_CURVE_DIR": str(folder / "curves"),
        "BT_REPORT_DIR": str(folder / "reports"),
        "BT_DATA_SOURCE": "sample",
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait(address + ready, server)
            yield address
        finally:
            server.terminate()
            try:
                server.wait(10)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with {server.returncode}")
        try:
            with urllib.request.urlopen(address, timeout=2):  # noqa: S310 - our own server
                return
        except urllib.error.HTTPError:
            return  # it answers, if only that this place is empty
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the server does not answer")


@contextmanager
def jupyterlab(folder: Path) -> Iterator[str]:
    """Serve a folder with JupyterLab."""
    settings = folder / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(
        json.dumps({"checkForUpdates": False, "fetchNews": "false"})
    )
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--LabApp.expose_app_in_browser=True",
        f"--IdentityProvider.token={TOKEN}",
        f"--ServerApp.root_dir={folder}",
    ]
    with served(command, folder=folder, port=port, ready=f"/api/status?token={TOKEN}") as address:
        yield address


@contextmanager
def voila(folder: Path) -> Iterator[str]:
    """Serve the spec editor as `make app` does, on a copy of its notebook."""
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    (recipe,) = [line for line in lines if "/voila " in line]
    words = [word for word in shlex.split(recipe) if not word.startswith("BT_")]
    assert words.pop(0) == "$(BIN)/voila"
    (notebook,) = [word for word in words if word.endswith(".ipynb")]
    copied = shutil.copy(ROOT / notebook, folder)
    words[words.index(notebook)] = copied
    port = free_port()
    command = [sys.executable, "-m", "voila", *words, f"--port={port}"]
    # The page itself would take a kernel.
    with served(command, folder=folder, port=port, ready="/voila/static/") as address:
        yield address


class Notebook:
    """A notebook that is open in JupyterLab in a browser.

    Parameters
    ----------
    tab
        The browser's page.
    """

    def __init__(self, tab: Page) -> None:
        self.tab = tab

    def run_all(self) -> None:
        """Run all cells by the menu, and wait until the last one ended."""
        self.tab.get_by_role("menuitem", name="Run", exact=True).click()
        self.tab.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self.wait_until_idle()

    def wait_until_idle(self) -> None:
        """Wait until no cell runs or waits, and none failed."""
        prompts = f"{_CELLS}.map((cell) => cell.inputArea.promptNode.textContent)"
        self.tab.wait_for_function(f"{prompts}.every((prompt) => /\\d/.test(prompt))")
        assert self.tab.locator(".jp-OutputArea-output[data-mime-type*=error]").count() == 0

    def ask(self, expression: str) -> Any:
        """Return what the kernel says of a Python expression, a plain value."""
        answer = self.tab.evaluate(_ASK, f"__import__('json').dumps({expression})")
        assert answer["status"] == "ok", answer
        return json.loads(ast.literal_eval(answer["data"]["text/plain"]))

    def wait_for(self, expression: str, value: Any) -> None:
        """Wait until a Python expression has a value in the kernel: events are on their way."""
        end = time.monotonic() + TIMEOUT_MS / 1000
        while (found := self.ask(expression)) != value:
            assert time.monotonic() < end, f"{expression} is {found!r}, not {value!r}"
            self.tab.wait_for_timeout(50)

    def theme(self, name: str) -> None:
        """Change the theme: ``Light`` or ``Dark``."""
        change = "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab %s'})"
        self.tab.evaluate(change % name)
        light = str(name == "Light").lower()
        self.tab.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached")
        # JupyterLab lays it over everything while a theme loads, and fades it out afterwards.
        self.tab.locator("#jupyterlab-splash").wait_for(state="detached")

    def side_bar(self, *, shown: bool) -> None:
        """Show or hide the file browser at the left."""
        if self.tab.locator("#jp-left-stack").is_visible() != shown:
            self.tab.keyboard.press("Control+b")
            self.tab.locator("#jp-left-stack").wait_for(state="visible" if shown else "hidden")


_CELLS = (
    "jupyterapp.shell.currentWidget.content.widgets.filter((cell) => cell.model.type === 'code')"
)
_KERNEL = "window.jupyterapp?.shell.currentWidget?.context?.sessionContext.session?.kernel"
_ASK = f"""async (code) => {{
  const asked = {_KERNEL}.requestExecute({{
    code: "", silent: true, store_history: false, user_expressions: {{ answer: code }} }});
  const silent = new Promise((_, fail) => setTimeout(
    () => fail(new Error("the kernel does not answer")), {TIMEOUT_MS}));
  return (await Promise.race([asked.done, silent])).content.user_expressions.answer;
}}"""


def local(address: str) -> tuple[str, ...]:
    """Return how the addresses begin that a page of this server may ask for."""
    return (address, address.replace("http", "ws", 1), "data:", "blob:")


def open_notebook(browser: Browser, address: str, name: str, *, troubles: PageTroubles) -> Notebook:
    """Open a notebook of a server's folder, and wait until its kernel is there.

    Parameters
    ----------
    browser
        Gets a context of its own for it; close it by ``tab.context.close()``.
    address
        Of the server.
    name
        File name of the notebook.
    troubles
        Collects what goes wrong in the page.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(TIMEOUT_MS)
    tab = context.new_page()
    troubles.watch(tab)
    tab.goto(f"{address}/lab/tree/{name}?token={TOKEN}&reset")
    tab.wait_for_function(f"{_KERNEL}?.connectionStatus === 'connected'")
    return Notebook(tab)
