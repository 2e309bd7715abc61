"""`Client`: the verbs of btkit, carried out by a server."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Concatenate, ParamSpec
from urllib.parse import quote

import httpx
import pandas as pd

from btkit.arguments import check_text
from btkit.arguments import refusal as refused
from btkit.documents import RunDocument
from btkit.errors import BtkitError, ServerError, UsageError, read_error
from btkit.jobs import load_document, load_run, verbs
from btkit.jobs.asking import make_job
from btkit.jobs.files import load_stored
from btkit.jobs.job import BatchJob, Job, OptionsJob, RunJob, SpecJob, SweepJob, WalkForwardJob
from btkit.jobs.progress import check_progress
from btkit.jobs.requests import frames_in, path_text
from btkit.service.following import Remote
from btkit.service.requesting import Requesting, no_answer, said_of, save
from btkit.service.scratch import store_in
from btkit.settings import Settings, read_settings
from btkit.storage import JobKind, Store
from btkit.storage.parcels import unpack_job

P = ParamSpec("P")

_URL = "Give what `backtest serve` prints, such as http://127.0.0.1:8432."
_HOW_TO_SIGN_IN = "Give the server's BT_API_TOKEN, or set that variable."
_DONE_THERE = """Do what `btkit.{0}` does, on the server.

Parameters
----------
Those of `btkit.{0}`, but for bars, which cannot be handed over, and for `settings`.
`progress` hears how far the operation is, such as a `btkit.widgets.Progress`; when that is
cancelled, the operation is.

Returns
-------
RunDocument or RemoteResult
    Of a run report, trades and curve, as `btkit.load_run` gives them; `plot` and `show` take it.

Raises
------
BtkitError
    As `btkit.{0}`; AccessError without the right token, ServerError where no server answers,
    QueueFullError where it takes no more.
"""
_WITH_TABLE = {"sweep", "walk-forward"}
_WITH_CURVE = {"run", "options-sim"}


@dataclass(frozen=True, eq=False)
class RemoteResult:
    """What a sweep, a walk-forward validation or a batch came to on a server.

    Parameters
    ----------
    document
        As its command prints it.
    table : DataFrame
        One row a set of a sweep; the stitched out-of-sample curve of a validation, by bar time;
        None for a batch.
    """

    document: dict[str, Any]
    table: pd.DataFrame | None

    @property
    def passed(self) -> bool:
        """Whether it passed."""
        return bool(self.document["passed"])

    def __repr__(self) -> str:
        rows = "" if self.table is None else f", {len(self.table):,} rows"
        return f"RemoteResult({self.document['verdict']}{rows})"


def _on_the_server(
    verb: Callable[P, object], kind: type[SpecJob]
) -> Callable[Concatenate[Client, P], Any]:
    """Return the method that has a server do what a verb does here, by the same arguments."""
    signature = inspect.signature(verb)

    def method(client: Client, /, *args: P.args, **kwargs: P.kwargs) -> Any:  # noqa: ANN401 - by its kind
        asked = dict(signature.bind(*args, **kwargs).arguments)
        progress = check_progress(asked.pop("progress", None))
        if asked.pop("settings", None) is not None:
            raise UsageError(
                "A client has settings of its own, and the server has those of the job.",
                hint="Leave settings out, or give them to Client(...).",
                details={"argument": "settings"},
            )
        for name in ("symbol", "benchmark"):
            if frames_in(asked.get(name)) is not None:
                hint = f"Name an instrument; btkit.{verb.__name__} takes bars."
                raise refused(asked[name], name, rule="a name: the server loads bars", hint=hint)
        if "model_path" in asked:
            asked["model_path"] = path_text(asked["model_path"])
        # What is None is the server's to say; a spec there has to be.
        stated = {name: asked[name] for name in asked if name == "spec" or asked[name] is not None}
        return client.submit(make_job(kind, stated, settings=client.settings)).result(progress)

    # It takes what the verb takes; only where it is done, and what is given back, is another.
    method.__name__ = verb.__name__
    method.__qualname__ = f"Client.{verb.__name__}"
    method.__doc__ = _DONE_THERE.format(verb.__name__)
    self_parameter = inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = (self_parameter, *signature.parameters.values())
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]  # inspect reads it
        parameters=given, return_annotation=inspect.Signature.empty
    )
    return method


class Client(Requesting):
    """A server's face in Python: the same verbs as locally, worked on elsewhere.

    The spec is read here, with the settings of this machine; bars, costs and capital that are left
    out are the server's, and so are the paths of models. Outcomes are stored there.

    Parameters
    ----------
    url
        Of the server, as `backtest serve` prints it; None takes BT_SERVER_URL.
    token
        The server's BT_API_TOKEN; None takes BT_API_TOKEN of this environment.
    settings
        None reads the BT_* environment.
    transport
        What requests go through; None is the network.

    Raises
    ------
    UsageError
        If an argument or a BT_* variable makes no sense.
    StoreError
        If BT_TLS_CA cannot be read.

    Examples
    --------
    >>> client = Client("http://127.0.0.1:8432")  # doctest: +SKIP
    >>> client.run("strategies/golden_cross.yaml", "SPX", "2005-01-01",
    ...            "2018-12-31").report.metrics.sharpe_ratio  # doctest: +SKIP
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        token: str | None = None,
        settings: Settings | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.settings = read_settings(settings)
        known = self.settings.api_token
        if token is None and known is not None:
            token = known.get_secret_value()
        self.url = _checked_url(self.settings.server_url if url is None else url)
        super().__init__(
            self.url,
            None if token is None else _checked_token(token),
            settings=self.settings,
            transport=_checked_transport(transport),
        )

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    run = _on_the_server(verbs.run, RunJob)
    options_sim = _on_the_server(verbs.options_sim, OptionsJob)
    walk_forward = _on_the_server(verbs.walk_forward, WalkForwardJob)
    sweep = _on_the_server(verbs.sweep, SweepJob)

    def submit(self, job: Job | SpecJob, *, operation_id: str | None = None) -> Remote:
        """Have the server queue a job, and return at once.

        Parameters
        ----------
        job
            What is asked for, as `btkit.jobs` makes it. Specs that it names by their paths are
            read here.
        operation_id
            What the operation is to be called; None leaves that to the server.

        Raises
        ------
        BtkitError
            As the server refuses it.
        """
        asked = {} if operation_id is None else {"task_id": operation_id}
        body = {**self._travelling(job).to_json(), **asked}
        return Remote(self, self.ask("POST", "/backtests/start", json=body))

    def operation(self, operation_id: str) -> Remote:
        """Return an operation by its id.

        Parameters
        ----------
        operation_id
            As `submit` gave it.

        Raises
        ------
        OperationNotFoundError
            If there is none.
        """
        return Remote(self, self.ask("GET", f"/operations/{quote(operation_id, safe='')}"))

    def operations(self, *, status: str | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """List operations, the newest first, as ``GET /operations`` does.

        Parameters
        ----------
        status
            Only those that stand so; None for all.
        limit
            At most so many, up to 200.
        """
        asked = {"page_size": limit, **({} if status is None else {"status": status})}
        found: list[dict[str, Any]] = self.ask("GET", "/operations", params=asked)["operations"]
        return found

    def workers(self) -> list[dict[str, Any]]:
        """List the workers, also those that were refused, as ``GET /workers`` does."""
        found: list[dict[str, Any]] = self.ask("GET", "/workers")["workers"]
        return found

    def plan(self, job: Job | SpecJob) -> dict[str, Any]:
        """Say what a job would rest on and take there, as `backtest plan` does.

        Parameters
        ----------
        job
            As for `submit`.
        """
        return self.ask("POST", "/plan", json=self._travelling(job).to_json())

    def fetch(self, run_id: str, kind: JobKind) -> RunDocument | RemoteResult:
        """Return what is stored there of a job that is complete.

        Parameters
        ----------
        run_id
            Of the run, sweep, validation or batch.
        kind
            Of the job.

        Raises
        ------
        RunNotFoundError
            If there is no such job.
        """
        with tempfile.TemporaryDirectory(prefix="btkit-client-") as name:
            parcel = Path(name) / "parcel"
            with self.request("GET", f"/runs/{quote(run_id, safe='')}/parcel") as answer:
                save(answer, parcel)
            settings = store_in(Path(name), self.settings)
            unpack_job(parcel, Store.from_settings(settings), settings)
            if kind in _WITH_CURVE:
                found = load_run(run_id, settings=settings)
                # It lies on the server; here it is in `curve`.
                report = found.report.model_copy(update={"equity_curve_url": None})
                return replace(found, report=report)
            table = load_stored(kind, run_id, settings=settings)[1] if kind in _WITH_TABLE else None
            return RemoteResult(load_document(run_id, settings=settings), table)

    def ask(self, method: str, place: str, **sent: Any) -> dict[str, Any]:  # noqa: ANN401 - as httpx
        """Return the JSON object that the server answers with.

        Parameters
        ----------
        method, place, **sent
            As `request` takes them.

        Raises
        ------
        BtkitError
            What the server refuses; ServerError if it does not answer.
        """
        with self.request(method, place, **sent) as answer:
            answer.read()
            try:
                said = answer.json() if answer.content else {}
            except ValueError as error:
                raise no_answer("it is no JSON") from error
        if not isinstance(said, dict):
            raise no_answer("it is no JSON object")
        return said

    def refusal(self, answer: httpx.Response, asked: str) -> BtkitError:
        """Return the error that an answer is: the one that the command would print there."""
        said = said_of(answer)
        if isinstance(said.get("error_type"), str) and isinstance(said.get("details"), Mapping):
            return read_error(
                said["error_type"], said["detail"], hint=said["hint"], details=said["details"]
            )
        return ServerError(
            f"The server refuses {asked}: {said['detail']}.",
            hint=said["hint"],
            details={"status": answer.status_code},
        )

    def _travelling(self, job: Job | SpecJob) -> Job | SpecJob:
        """Return a job that names no file of this machine."""
        if isinstance(job, BatchJob):
            jobs = [self._alone(one) for one in job.jobs]
            return job.model_copy(update={"jobs": jobs, "rendering": None})
        return self._alone(job)

    def _alone(self, job: SpecJob) -> SpecJob:
        spec = job.spec
        if isinstance(spec, str):
            job = job.with_strategy(job.load(spec, settings=self.settings))
        known = job.bar_format
        stated = None if known is None else known.model_dump(mode="json", exclude_unset=True)
        return job.model_copy(update={"path": None, "rendering": None, "format": stated})


def _checked_url(url: object) -> str:
    known = check_text(url, "url", hint=_URL)
    try:
        parts = httpx.URL(known)
    except httpx.InvalidURL as error:
        raise refused(url, "url", rule="the URL of a server", hint=_URL) from error
    if parts.scheme not in ("http", "https") or not parts.host:
        raise refused(url, "url", rule="the URL of a server", hint=_URL)
    return known


def _checked_token(token: object) -> str:
    known = check_text(token, "token", hint=_HOW_TO_SIGN_IN)
    # As a header has it.
    if not known.isascii() or not known.isprintable():
        raise refused(token, "token", rule="printable ASCII", hint=_HOW_TO_SIGN_IN)
    return known


def _checked_transport(transport: object) -> httpx.BaseTransport | None:
    if transport is None or isinstance(transport, httpx.BaseTransport):
        return transport
    raise refused(
        transport, "transport", rule="a transport of httpx", hint="Leave it out for the network."
    )
