"""Putting a damaged run right from copies, or from the same bars run again."""

from __future__ import annotations

from btkit.documents import RunDocument
from btkit.errors import BtkitError, StoreError
from btkit.jobs.verifying import differing_values, rerun
from btkit.settings import Settings
from btkit.storage import Checksum, Store, curve_content
from btkit.writing import digest_of


def mend_curve(
    store: Store, run_id: str, url: str, known: Checksum | None, *, settings: Settings
) -> bool:
    """Put a run's equity curve back; return whether that could be done.

    There must be a sound copy, or the same bars must give the same report to the last bit.

    Parameters
    ----------
    store, run_id, url
        Whose run it is, which, and where its curve is.
    known
        What was written; None where that is not known, so that no copy can be proved sound.
    settings
        Where bars come from.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    parts = store.inspection
    try:
        copies = parts.copies(run_id, url)
    except (OSError, StoreError):
        copies = []  # no copy can be had; the bars are left
    sound = [copy for copy in copies if known is not None and digest_of(copy) == known.sha256]
    if not sound:
        again = _run_again(store, run_id, settings)
        sound = [] if again is None else [curve_content(again.curve)]
    for content in sound[:1]:
        parts.restore_curve(run_id, url, content)
    return bool(sound)


def mend_rows(store: Store, run_id: str, *, settings: Settings) -> bool:
    """Put a run's trades back from the same bars; return whether the same came out."""
    again = _run_again(store, run_id, settings)
    return again is not None and store.inspection.restore_trades(run_id, again.trades)


def _run_again(store: Store, run_id: str, settings: Settings) -> RunDocument | None:
    """Return the run made anew, if its report is the one that is stored."""
    try:
        report = store.inspection.report(run_id)
        again = rerun(report, settings)
    except BtkitError:
        # Bars that were handed over, or that their source has no more.
        return None
    if differing_values(report, again.report):
        return None
    return again
