"""What a notebook may change of the libraries it shares with this process."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

_INLINE = "matplotlib_inline.backend_inline"
MATPLOTLIB_BACKEND = f"module://{_INLINE}"
"""As a kernel sets it: figures of matplotlib appear in the notebook."""


@contextmanager
def random_numbers_kept() -> Iterator[None]:
    """Keep numpy's global generator; seeded by a notebook that loaded it, it starts afresh."""
    numpy = sys.modules.get("numpy")
    before = None if numpy is None else numpy.random.get_state()
    try:
        yield
    finally:
        numpy = sys.modules.get("numpy")
        if before is not None:
            sys.modules["numpy"].random.set_state(before)
        elif numpy is not None and hasattr(numpy, "random"):
            numpy.random.seed()


@contextmanager
def pandas_options_kept() -> Iterator[None]:
    """Keep the options of pandas; loaded by the notebook, it gets its own defaults back."""
    pandas = sys.modules.get("pandas")
    before = {} if pandas is None else dict(_options(pandas))
    try:
        yield
    finally:
        pandas = sys.modules.get("pandas")
        if pandas is not None:
            wanted = before or _default_options(pandas)
            with _deprecated_options():
                # Only what was changed: setting some options imports matplotlib, if it is there.
                for name, value in _options(pandas):
                    if name in wanted and wanted[name] is not value:
                        pandas.set_option(name, wanted[name])


@contextmanager
def _deprecated_options() -> Iterator[None]:
    """Let deprecated options be read, which they complain of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _options(pandas: Any) -> list[tuple[str, Any]]:  # noqa: ANN401 - a module
    with _deprecated_options():
        return list(_leaves(pandas.options))


def _default_options(pandas: Any) -> dict[str, Any]:  # noqa: ANN401 - a module
    # pandas tells defaults otherwise only as text, among what it prints of an option.
    registered = pandas._config.config._registered_options  # noqa: SLF001 - as above
    return {name: option.defval for name, option in registered.items()}


def _leaves(options: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - pandas'
    for name in dir(options):
        value = getattr(options, name)
        if type(value) is type(options):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


@contextmanager
def plotly_defaults_kept() -> Iterator[None]:
    """Keep plotly's template and renderer; meanwhile it draws as it would in a kernel."""
    loaded = "plotly.io._renderers" in sys.modules
    template = "plotly"
    if loaded:
        import plotly.io  # noqa: PLC0415 - already loaded

        renderer, template = plotly.io.renderers.default, plotly.io.templates.default
        # What plotly chooses in a kernel; outside of one it opens a browser.
        plotly.io.renderers.default = os.environ.get("PLOTLY_RENDERER", "plotly_mimetype")
    try:
        yield
    finally:
        if loaded:
            plotly.io.renderers.default = renderer
        if "plotly.io._templates" in sys.modules:
            templates = sys.modules["plotly.io._templates"].templates
            if templates.default != template:  # setting it copies the whole template
                templates.default = template


@contextmanager
def matplotlib_kept() -> Iterator[None]:
    """Keep the settings and figures of matplotlib, and part the notebook's backend from the next.

    The inline backend belongs to the shell that first loaded it; left in place, the figures of
    the next notebook would be shown as text.
    """
    library = sys.modules.get("matplotlib")
    before = None if library is None else dict(library.rcParams.copy())
    with _inline_backend_forgotten(), _figures_kept():
        yield
    library = sys.modules.get("matplotlib")
    if library is None:
        return
    if before is None:
        library.rcdefaults()
        before = {"backend": library.rcsetup._auto_backend_sentinel}  # noqa: SLF001 - no other way
    # As matplotlib's own `rc_context` does: its settings check what they are given, and warn.
    dict.update(library.rcParams, before)
    pyplot, backend = sys.modules.get("matplotlib.pyplot"), before["backend"]
    if pyplot is not None and isinstance(backend, str):
        pyplot.switch_backend(backend)
    elif pyplot is not None:
        vars(pyplot)["_backend_mod"] = None  # not chosen before, and so to be chosen when needed


@contextmanager
def _figures_kept() -> Iterator[None]:
    """Hide open figures: the notebook closes all that there are after each cell."""
    module = sys.modules.get("matplotlib._pylab_helpers")
    before = {} if module is None else dict(module.Gcf.figs)
    if module is not None:
        module.Gcf.figs.clear()
    try:
        yield
    finally:
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
            sys.modules["matplotlib._pylab_helpers"].Gcf.figs.update(before)


def matplotlib_draws_inline() -> None:
    """Let figures appear in the shell that has just been made, if matplotlib is loaded already."""
    library = sys.modules.get("matplotlib")
    if library is None or os.environ.get("MPLBACKEND") != MATPLOTLIB_BACKEND:
        return
    # First: the backend asks, while it is loaded, whether it is the chosen one.
    library.rcParams["backend"] = MATPLOTLIB_BACKEND
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].switch_backend(MATPLOTLIB_BACKEND)


@contextmanager
def _inline_backend_forgotten() -> Iterator[None]:
    before, settings = sys.modules.pop(_INLINE, None), _inline_settings()
    kept = {kind: kind.__dict__.get("_instance") for kind in settings}
    for kind in settings:
        kind._instance = None  # noqa: SLF001 - traitlets offers no other way
    try:
        yield
    finally:
        sys.modules.pop(_INLINE, None)
        if before is not None:
            sys.modules[_INLINE] = before
        for kind in _inline_settings():
            kind._instance = kept.get(kind)  # noqa: SLF001 - as above


def _inline_settings() -> list[Any]:
    module = sys.modules.get("matplotlib_inline.config")
    return [] if module is None else list(module.InlineBackend._walk_mro())  # noqa: SLF001 - as above


@contextmanager
def widgets_kept() -> Iterator[None]:
    """Close the widgets that a notebook opened: ipywidgets keeps every open one forever."""
    before = set(_open_widgets())
    try:
        yield
    finally:
        for name, widget in list(_open_widgets().items()):
            if name not in before:
                widget.close()


def _open_widgets() -> dict[str, Any]:
    module = sys.modules.get("ipywidgets.widgets.widget")
    return {} if module is None else module._instances  # noqa: SLF001 - the public view is deprecated


_PARTS: tuple[Callable[[], AbstractContextManager[None]], ...] = (
    random_numbers_kept,
    pandas_options_kept,
    plotly_defaults_kept,
    matplotlib_kept,
    widgets_kept,
)


@contextmanager
def library_state_kept() -> Iterator[None]:
    """Put back what the ``with`` block changes of numpy, pandas, plotly, matplotlib, ipywidgets."""
    with ExitStack() as stack:
        for part in _PARTS:
            stack.enter_context(part())
        yield
