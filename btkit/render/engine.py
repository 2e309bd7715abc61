"""The papermill engine ``btkit``: btkit's own templates run inside this process, with no kernel.

Their cells are known: plain Python that shows pieces of a report, prints little, and changes
nothing of the process. Whatever else a notebook may do, a kernel does for it.
"""

from __future__ import annotations

import ast
import builtins
import io
import json
import linecache
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from nbformat.v4 import new_output
from papermill.engines import Engine, NBClientEngine

from btkit.render.kernel import kernel_options
from btkit.render.pieces import Chart, Html, ReportSection
from btkit.shipped import shipped

if TYPE_CHECKING:
    from nbformat import NotebookNode

# The streams belong to the whole process, so only one notebook runs at a time; a template that
# makes a new run executes another one, for that run's files, in the same thread.
_TURN = threading.RLock()

# What papermill hands to every engine, and one without a kernel has no use for.
_OF_NO_CONSEQUENCE = frozenset({"input_path", "start_timeout"})

_Cell = tuple[str, list[str]]
"""Source and tags."""


class InProcessEngine(Engine):  # type: ignore[misc]  # papermill has no types
    """papermill's engine ``btkit``, known to it by the entry point ``papermill.engine``."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,  # noqa: ANN401 - papermill has no types
        kernel_name: str,
        **options: Any,  # noqa: ANN401 - as above
    ) -> None:
        """Execute the notebook of `nb_man`, in place.

        Parameters
        ----------
        nb_man
            papermill's record of the execution; it is updated after every cell.
        kernel_name
            Of the kernel, where one is needed.
        options
            papermill's, such as ``execution_timeout``. Any of them needs a kernel.

        Notes
        -----
        A notebook that is no template of ours, or a changed one, is executed by papermill's engine
        ``nbclient``, in a kernel of the interpreter that is running.
        """
        named = {name for name, value in options.items() if value}
        if named <= _OF_NO_CONSEQUENCE and _is_template(nb_man.nb):
            with _TURN:
                _run(nb_man)
        else:
            NBClientEngine.execute_managed_notebook(
                nb_man, kernel_name, **(kernel_options() | options)
            )


def _is_template(notebook: NotebookNode) -> bool:
    """Tell whether a notebook is one of our templates, with or without papermill's parameters."""
    own: list[_Cell] = []
    injected: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            if "injected-parameters" in tags:
                injected.append(cell.source)
            else:
                own.append((cell.source, tags))
    return all(map(_is_data, injected)) and own in list(_templates())


def _templates() -> Iterator[list[_Cell]]:
    for path in shipped("templates").glob("*.ipynb"):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        yield [
            ("".join(cell["source"]), cell["metadata"].get("tags", []))
            for cell in cells
            if cell["cell_type"] == "code"
        ]


def _is_data(source: str) -> bool:
    """Tell whether code does no more than to give names to plain values."""
    try:
        for line in ast.parse(source).body:
            if not isinstance(line, ast.Assign) or not all(
                isinstance(target, ast.Name) for target in line.targets
            ):
                return False
            ast.literal_eval(line.value)
    except (SyntaxError, ValueError):
        return False
    return True


def _run(nb_man: Any) -> None:  # noqa: ANN401 - papermill has no types
    # In: as in a kernel, the sources of the cells so far.
    names = {"__name__": "__main__", "__builtins__": builtins, "In": [""]}
    for index, cell in enumerate(nb_man.nb.cells):
        nb_man.cell_start(cell, index)
        try:
            if cell.cell_type == "code" and not _run_cell(cell, names):
                nb_man.cell_exception(cell, index)
                break
        finally:
            nb_man.cell_complete(cell, index)
    nb_man.nb.metadata["language_info"] = _language_info()


def _run_cell(cell: NotebookNode, names: dict[str, Any]) -> bool:
    """Run a cell, put what it shows into it, and tell whether it came to its end."""
    sources: list[str] = names["In"]
    cell.execution_count, cell.outputs = len(sources), []
    sources.append(cell.source)
    place = f"<cell {cell.execution_count}>"
    streams = [_Stream(name, cell.outputs) for name in ("stdout", "stderr")]
    try:
        with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
            cell.outputs.extend(_shown(_value(cell.source, place, names)))
    except (Exception, KeyboardInterrupt) as error:
        cell.outputs.append(_as_output(error, place, cell.source))
        if isinstance(error, KeyboardInterrupt):
            raise
        return False
    return True


def _value(source: str, place: str, names: dict[str, Any]) -> object:
    """Execute code; return the value of its last line, where that is an expression."""
    tree = ast.parse(source, place)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, place, "exec"), names)  # noqa: S102 - a template's cell: see _is_template
    if not isinstance(last, ast.Expr):
        return None
    return eval(compile(ast.Expression(last.value), place, "eval"), names)  # noqa: S307 - likewise


def _shown(value: object) -> Iterator[NotebookNode]:
    if value is None:
        return
    if not isinstance(value, ReportSection | Html | Chart):
        raise TypeError(
            "A template's cell shows a ReportSection, Html, a Chart or nothing, not a value of "
            f"type {type(value).__name__}; what shows anything else needs a kernel: "
            "--engine nbclient."
        )
    for piece in value if isinstance(value, ReportSection) else [value]:
        data, metadata = piece.bundle()
        yield new_output("display_data", data=data, metadata=metadata)


def _as_output(error: BaseException, place: str, source: str) -> Any:  # noqa: ANN401 - a node
    """Return a cell's error as a kernel reports it, from the cell's own line on."""
    own = error.__traceback__
    while own is not None and own.tb_frame.f_code.co_filename != place:
        own = own.tb_next
    linecache.cache[place] = (len(source), None, source.splitlines(keepends=True), place)
    try:
        lines = traceback.format_exception(type(error), error, own)
    finally:
        del linecache.cache[place]
    return new_output(
        "error",
        ename=type(error).__name__,
        evalue=_printable(str(error)),
        traceback=_printable("".join(lines)).splitlines(),
    )


def _printable(text: str) -> str:
    # Half a surrogate pair, such as a file's name may hold, cannot be written.
    return text.encode("utf-8", "replace").decode("utf-8")


class _Stream(io.TextIOBase):
    """A standard stream that becomes an output of the cell that is running."""

    encoding = "utf-8"

    def __init__(self, name: str, outputs: list[NotebookNode]) -> None:
        super().__init__()
        self._name, self._outputs = name, outputs

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        last: Mapping[str, Any] = self._outputs[-1] if self._outputs else {}
        if last.get("output_type") != "stream" or last.get("name") != self._name:
            self._outputs.append(new_output("stream", name=self._name, text=""))
        self._outputs[-1]["text"] += _printable(text)
        return len(text)


def _language_info() -> dict[str, Any]:
    return {
        "name": "python",
        "version": sys.version.split()[0],
        "mimetype": "text/x-python",
        "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
        "pygments_lexer": f"ipython{sys.version_info[0]}",
        "nbconvert_exporter": "python",
        "file_extension": ".py",
    }
