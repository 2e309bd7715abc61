"""Going through all of a store: the database, files and checksums, what belongs to nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from btkit.errors import BtkitError, CorruptFileError, StoreError
from btkit.jobs.files import report_folder
from btkit.jobs.mending import mend_curve, mend_rows
from btkit.jobs.progress import ProgressListener, check_progress
from btkit.settings import Settings, read_settings
from btkit.storage import (
    REMOTE,
    REPORT,
    SHARED_PAGES,
    Checksum,
    Inspection,
    Store,
    StoredJob,
    has_content,
)
from btkit.writing import abandoned, digest_of, sweep

FindingKind = Literal[
    "database", "damaged", "missing", "orphan", "temporary", "upload", "open", "unreachable"
]
"""What is wrong with something: ``database``, SQLite's own structure; ``damaged``, it is not what
was written; ``missing``; ``orphan``, no job knows it; ``temporary``, left by a process that is
gone; ``upload``, it cannot be delivered; ``open``, others may read it although BT_PRIVATE is set;
``unreachable``, it could not be looked at."""

Render = Callable[[str], object]
"""Writes a job's report files anew, by its id."""

_MOST = 20
_RUN_FILE = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\..+")
_OTHER_FILE = re.compile(r"([0-9a-f]{16})(?:\..+|-top|-windows)")
_AGAIN = "Restore it from a backup, or run it again."
_ANEW = "Write it anew with `backtest check --repair`."
_REPAIR = "Make it again with `backtest check --repair`."


@dataclass
class StoreFinding:
    """Something that is not as it should be.

    Parameters
    ----------
    kind
        What is wrong with it.
    where
        The file, or the place in the database.
    job_id
        The run, sweep or walk-forward validation that it belongs to; None where there is none.
    what
        What was found, in one sentence.
    advice
        What to do where it was not mended.
    mended
        Whether it was put right.
    """

    kind: FindingKind
    where: str
    job_id: str | None
    what: str
    advice: str
    mended: bool = False


def check(
    *,
    repair: bool = False,
    settings: Settings | None = None,
    render: Render | None = None,
    progress: ProgressListener | None = None,
) -> dict[str, Any]:
    """Go through all of a store, and put right what can be.

    Parameters
    ----------
    repair
        Whether to mend: indexes are rebuilt; curves come back from object storage, a further
        copy, or the same bars run again, trades from the last, metrics from the report; report
        files are made again; what processes that are gone were writing is removed; what others
        may read is closed to them. Nothing is replaced by what was not proved to be the same.
    settings
        Where the store is; None reads the BT_* environment.
    render
        Makes report files again; None leaves them.
    progress
        Notified of each stage.

    Returns
    -------
    dict
        ``database``, ``checked`` (how many jobs, files), ``unverified`` (how many things an
        earlier version stored without a checksum, and the first 20), ``findings``, ``mended``
        and ``left`` (how many), and ``passed``, whether nothing is left.

    Raises
    ------
    StoreError
        If the database cannot be opened at all.

    Examples
    --------
    >>> check()["passed"]  # doctest: +SKIP
    True
    """
    known = read_settings(settings)
    store = Store.from_settings(known)
    watch = check_progress(progress)
    whole = _Check(store, known, repair=repair, render=render)
    if has_content(store.path):
        with watch.stage("database") as note:
            whole.database()
            note(f"{len(whole.jobs):,} jobs")
        with watch.stage("runs") as note:
            whole.runs()
            note(f"{whole.files_seen:,} parts and curves")
        with watch.stage("report files") as note:
            whole.reports()
            note(f"{whole.files_seen:,} in all")
        whole.uploads()
    with watch.stage("folders") as note:
        whole.folders()
        note(f"{len(whole.findings):,} findings")
    return whole.document()


class _Check:
    """One pass over a store; see `check`."""

    def __init__(
        self, store: Store, settings: Settings, *, repair: bool, render: Render | None
    ) -> None:
        self.store = store
        self.settings = settings
        self.repair = repair
        self.render = render
        self.folder = report_folder(settings)
        self.parts: Inspection = store.inspection
        self.jobs: dict[str, StoredJob] = {}
        self.known: dict[tuple[str, str], Checksum] = {}
        self.findings: list[StoreFinding] = []
        self.unverified: list[str] = []
        self.files_seen = 0

    def database(self) -> None:
        problems = self.parts.database_problems()
        rebuild = bool(problems) and self.repair
        problems_left = self.parts.database_problems(rebuild=True) if rebuild else problems
        for text in problems:
            finding = self._find("database", str(self.store.path), None, text, _AGAIN)
            finding.mended = self.repair and text not in problems_left
        self.jobs = self.parts.jobs()
        self.known = {(one.owner_id, one.name): one for one in self.parts.checksums()}

    def runs(self) -> None:
        for job in self.jobs.values():
            problem = self.parts.request_problem(job.job_id)
            if problem is not None:
                self._find("damaged", str(self.store.path), job.job_id, problem.message, _AGAIN)
            if job.status != "complete":
                continue
            if self._rows(job) and job.is_run and job.curve_url is not None:
                self._curve(job, job.curve_url)

    def reports(self) -> None:
        lost: dict[str, list[StoreFinding]] = {}
        for one in self.known.values():
            if one.kind in ("rows", "curve"):
                continue
            self.files_seen += 1
            path = self.folder / one.name
            found = self._state_of(path, one)
            if found is not None:
                advice = _REPAIR if self._renders(one) else _AGAIN
                lost.setdefault(one.owner_id, []).append(
                    self._find(found, str(path), one.owner_id, _said(found, path), advice)
                )
        if self.repair:
            # The pages of a batch's own write those that all batches share anew.
            for owner_id, findings in sorted(lost.items(), key=lambda one: one[0] == SHARED_PAGES):
                self._render(owner_id, findings)

    def uploads(self) -> None:
        for waiting in self.parts.waiting():
            job_id, path = waiting["run_id"], Path(waiting["path"])
            moved = self.store.curves.path_of(job_id)
            if path.is_file() or (waiting["kind"] == "curve" and moved.is_file()):
                continue
            finding = self._find(
                "upload",
                waiting["object_key"],
                job_id,
                f"{path} waits for object storage, and is not there any more.",
                "Put the file back, and `backtest sync` delivers it.",
            )
            if self.repair and job_id not in self.jobs:
                self.parts.forget_upload(waiting["object_key"])
                finding.mended = True

    def folders(self) -> None:
        for folder in dict.fromkeys((self.store.curves.folder, self.folder)):
            gone = {str(path) for path in (sweep(folder) if self.repair else ())}
            for left in sorted({*gone, *map(str, abandoned(folder))}):
                what = "A process that is gone was writing it."
                finding = self._find("temporary", left, None, what, "Remove it.")
                finding.mended = left in gone
            for path in sorted(folder.iterdir()) if folder.is_dir() else ():
                self._belongs(path)
        if self.settings.private:
            self._closed()

    def document(self) -> dict[str, Any]:
        left = [finding for finding in self.findings if not finding.mended]
        return {
            "database": str(self.store.path),
            "checked": {"jobs": len(self.jobs), "files": self.files_seen},
            "unverified": {
                "count": len(self.unverified),
                "first": self.unverified[:_MOST],
            },
            "findings": [asdict(finding) for finding in self.findings],
            "mended": len(self.findings) - len(left),
            "left": len(left),
            "passed": not left,
        }

    def _find(
        self, kind: FindingKind, where: str, job_id: str | None, what: str, advice: str
    ) -> StoreFinding:
        finding = StoreFinding(kind, where, job_id, what, advice)
        self.findings.append(finding)
        return finding

    def _rows(self, job: StoredJob) -> bool:
        """Check what the database holds of a job; tell whether its document can be read."""
        self.files_seen += 1
        try:
            document = self.store.document(job.job_id)
        except CorruptFileError as error:
            finding = self._find("damaged", str(self.store.path), job.job_id, error.message, _AGAIN)
            if self.repair and error.details["name"] == "trades":
                finding.mended = mend_rows(self.store, job.job_id, settings=self.settings)
            return finding.mended
        except StoreError as error:
            self._find("damaged", str(self.store.path), job.job_id, error.message, error.hint)
            return False
        if (job.job_id, REPORT) not in self.known:
            self.unverified += [job.job_id] if job.is_run else []
            return True
        self._columns(job, document)
        if job.is_run:
            self._metrics(job, document)
        return True

    def _columns(self, job: StoredJob, document: dict[str, Any]) -> None:
        columns = self.parts.differing_columns(job.job_id, document)
        if columns:
            what = f"The list says something else of {job.job_id} than its report"
            what = f"{what}: {', '.join(columns)}."
            finding = self._find("damaged", str(self.store.path), job.job_id, what, _ANEW)
            if self.repair:
                self.parts.restore_columns(job.job_id, document)
                finding.mended = True

    def _metrics(self, job: StoredJob, document: dict[str, Any]) -> None:
        if self.parts.has_other_metrics(job.job_id, document["metrics"]):
            finding = self._find(
                "damaged",
                str(self.store.path),
                job.job_id,
                f"The metrics of run {job.job_id} are not those of its report.",
                _ANEW,
            )
            if self.repair:
                self.parts.restore_metrics(job.job_id, document["metrics"])
                finding.mended = True

    def _curve(self, job: StoredJob, url: str) -> None:
        self.files_seen += 1
        known = self.known.get((job.job_id, self.store.curves.path_of(job.job_id).name))
        try:
            content = self.parts.curve(job.job_id, url)
        except (OSError, StoreError) as error:
            advice = "Check the BT_MINIO_* variables and the server, or the file's permissions."
            self._find("unreachable", url, job.job_id, str(error).partition("\n")[0], advice)
            return
        if content is not None and known is None:
            # One of this machine is counted with its folder.
            self.unverified += [url] if url.startswith(REMOTE) else []
            return
        if content is not None and known is not None and digest_of(content) == known.sha256:
            return
        kind: FindingKind = "missing" if content is None else "damaged"
        what = f"The equity curve of run {job.job_id} is {kind}."
        advice = "Mend it with `backtest check --repair`, or restore it from a backup."
        finding = self._find(kind, url, job.job_id, what, advice)
        if self.repair:
            finding.mended = mend_curve(self.store, job.job_id, url, known, settings=self.settings)

    def _state_of(self, path: Path, known: Checksum) -> FindingKind | None:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return "missing"
        except OSError:
            return "unreachable"
        return None if digest_of(content) == known.sha256 else "damaged"

    def _renders(self, known: Checksum) -> bool:
        """Tell whether a file can be made again of what else is stored."""
        job = self.jobs.get(known.owner_id)
        return job is not None and (job.is_run or known.kind in ("json", "notebook", "html"))

    def _render(self, owner_id: str, findings: list[StoreFinding]) -> None:
        if owner_id in self.jobs and self.render is not None:
            try:
                self.render(owner_id)
            except BtkitError as error:
                # What was made before it failed is looked at below.
                for finding in findings:
                    finding.advice = f"It could not be made again: {error.message} {error.hint}"
        if owner_id == SHARED_PAGES and all(finding.kind == "missing" for finding in findings):
            # Whoever removed them wants them no more; the next batch writes them anew.
            self.store.files.forget(owner_id)
            for finding in findings:
                finding.mended = True
            return
        known = {one.name: one for one in self.parts.checksums() if one.owner_id == owner_id}
        for finding in findings:
            path = Path(finding.where)
            one = known.get(path.relative_to(self.folder).as_posix())
            finding.mended = one is not None and self._state_of(path, one) is None

    def _belongs(self, path: Path) -> None:
        """Find a file that is called like a job's, and belongs to none."""
        found = _RUN_FILE.fullmatch(path.name) or _OTHER_FILE.fullmatch(path.name)
        if found is None:
            return
        job_id = found[1]
        owned = {owner for owner, _ in self.known}
        if job_id in self.jobs or job_id in owned:
            if path.is_file() and (job_id, path.name) not in self.known:
                self.unverified.append(str(path))
        elif _RUN_FILE.fullmatch(path.name):
            self._find(
                "orphan",
                str(path),
                job_id,
                f"No run {job_id} is stored in {self.store.path}.",
                "Remove it, unless it belongs to another database.",
            )
        else:
            # Sweeps and walk-forward validations of earlier versions are in no database.
            self.unverified.append(str(path))

    def _closed(self) -> None:
        for path in self._private_files():
            if path.stat().st_mode & 0o077:
                advice = f"chmod 600 {path}"
                what = "Others may read it, although BT_PRIVATE is set."
                finding = self._find("open", str(path), None, what, advice)
                if self.repair:
                    path.chmod(0o600)
                    finding.mended = True

    def _private_files(self) -> Iterator[Path]:
        yield from (path for path in (self.store.path,) if path.is_file())
        for one in self.known.values():
            folder = self.store.curves.folder if one.kind == "curve" else self.folder
            path = folder / one.name
            if one.kind != "rows" and path.is_file() and not path.is_symlink():
                yield path


def _said(found: FindingKind, path: Path) -> str:
    return {
        "missing": f"{path} is not there any more.",
        "damaged": f"{path} is not what was written.",
    }.get(found, f"{path} cannot be read.")
