"""On which bars a trained model was trained, and what says so (SEMANTICS 10.6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from btkit.data import format_time
from btkit.errors import BundleError
from btkit.markets import Interval, sessions
from btkit.models.bundle import Bundle
from btkit.models.timeline import KnownBundle
from btkit.spelling import count_of

if TYPE_CHECKING:
    from btkit.models.asked_bars import AskedBars
    from btkit.spec import ModelSpec

# The last sessions of two weeks or months lie at least as many days apart, but for holidays.
_LEAST_DAYS = {"w": 7, "mo": 28}
_HOLIDAYS = 3


def in_sample_end(bundle: Bundle, spec: ModelSpec, asked: AskedBars) -> int | None:
    """Return the first bar that a model was not trained on; None where nobody says until when.

    Parameters
    ----------
    bundle
        The trained model.
    spec
        May state `trained_until` and `label_horizon`: the later date and the longer horizon count.
    asked
        The bars. A date is the whole session; a moment the bars up to it. The horizon is of these
        bars; where they begin after the training, each session between counts for one that is not
        there.
    """
    stated = [
        pd.Timestamp(moment)
        for moment in (spec.trained_until, bundle.trained_until)
        if moment is not None
    ]
    return known_end(stated, horizon_of(bundle, spec), asked)


def known_end(trained_until: Sequence[pd.Timestamp], horizon: int, asked: AskedBars) -> int | None:
    """Return the first bar that no training saw, of what is known of it; None without a date.

    Parameters
    ----------
    trained_until
        Its last bar, as each of those says it that know it.
    horizon
        How many bars its labels looked ahead.
    asked
        As for `in_sample_end`.
    """
    if not trained_until:
        return None
    seen = max(_seen(moment, asked) for moment in trained_until)
    if not seen and not asked.interval.is_longer:
        first = asked.dates[0]
        day = max(moment.tz_localize(None) for moment in trained_until).normalize()
        between = sessions(day, first, calendar=asked.calendar)
        inner = between[(between > day) & (between < pd.Timestamp(first))]
        horizon = max(horizon - len(inner), 0)
    return min(seen + horizon, len(asked))


def horizon_of(bundle: Bundle, spec: ModelSpec) -> int:
    """Return how many bars a bundle's labels looked ahead: the longest that anybody says."""
    return max(spec.label_horizon or 0, bundle.label_horizon or 0)


def _seen(moment: pd.Timestamp, asked: AskedBars) -> int:
    if moment.tz is None or asked.index.tz is None:
        day = pd.Timestamp(moment.date())
        seen = int(asked.dates.searchsorted(day.to_datetime64(), side="right"))
        if not asked.interval.is_longer:
            return seen
        # Who keys a week by its Monday may date a training by it, too.
        return max(seen, int(asked.index.tz_localize(None).searchsorted(day, side="right")))
    return int(asked.index.searchsorted(moment, side="right"))


def check_dates(known: Sequence[KnownBundle], spec: ModelSpec, asked: AskedBars) -> None:
    """Refuse bundles that stand at a date at which they could not have been trained yet.

    Parameters
    ----------
    known
        The bundles.
    spec, asked
        As for `in_sample_end`.

    Raises
    ------
    BundleError
        If a bundle was trained, or its labels known, after its date.
    """
    for entry in known:
        if entry.known_from is None:
            continue
        check_date(
            entry,
            in_sample_end(entry.bundle, spec, asked),
            dates=asked.dates,
            horizon=horizon_of(entry.bundle, spec),
            trained_until=spec.trained_until,
        )


def check_date(
    known: KnownBundle,
    end: int | None,
    *,
    dates: NDArray[np.datetime64],
    horizon: int,
    trained_until: str | None = None,
) -> None:
    """Refuse a bundle that could not have been trained yet at the date at which it stands.

    Parameters
    ----------
    known
        The bundle, with its date.
    end
        The first bar that its training did not see; None where nobody says it.
    dates
        The session of each bar.
    horizon
        How many bars its labels looked ahead.
    trained_until
        The last day of its training, where another than the bundle says it.

    Raises
    ------
    BundleError
        If it was trained, or its labels known, after its date.
    """
    # Of several bars of a session the first decides, so that it counts as well.
    if end and (
        dates[end - 1] > np.datetime64(str(known.known_from)) or end - 1 > known.first_bar(dates)
    ):
        raise _too_early(known, dates[end - 1], horizon, trained_until)


def check_possible(known: KnownBundle, *, horizon: int, interval: Interval) -> None:
    """Refuse a bundle that could not have been trained yet at its date, whatever the bars are.

    Parameters
    ----------
    known
        The bundle.
    horizon
        How many bars its labels looked ahead.
    interval
        Of the bars. Which of them there are `check_date` knows; here each comes as early as can be.

    Raises
    ------
    BundleError
        If it was trained, or its labels known, after its date.
    """
    until = known.bundle.trained_until
    if known.known_from is None or until is None:
        return
    if interval.is_longer:
        days = horizon * interval.count * _LEAST_DAYS[interval.unit] - _HOLIDAYS
        first = until + pd.Timedelta(days=max(days, 0))
    else:
        first = until + horizon * interval.length
    # The session of a moment may be that of the day before it by UTC.
    day = (first if first.tz is None else first - pd.Timedelta(days=1)).date()
    if day > date.fromisoformat(known.known_from):
        raise _too_early(known, day, horizon)


def _too_early(
    known: KnownBundle, first: object, horizon: int, trained_until: str | None = None
) -> BundleError:
    until = trained_until or (known.bundle.trained_until or pd.Timestamp(0)).date()
    return BundleError(
        f"The bundle {known.path} stands at {known.known_from}, and what it learnt was not "
        f"known before {first}: it was trained until {until}, and a label looks "
        f"{count_of(horizon, 'bar')} ahead.",
        hint="Name the date from which it was really known, or train it on less.",
        details={"path": known.path, "known_from": known.known_from},
    )


def check_stated(known: KnownBundle, spec: ModelSpec) -> None:
    """Refuse a spec that says less of a bundle's training than the bundle does.

    Parameters
    ----------
    known
        The bundle.
    spec
        A later date or a longer horizon of it counts, since it scores less.

    Raises
    ------
    BundleError
        If its date is earlier, or its horizon shorter: bars that were learnt from would be scored.
    """
    bundle, path = known.bundle, known.path
    horizon = bundle.label_horizon
    if spec.label_horizon is not None and horizon is not None and spec.label_horizon < horizon:
        raise BundleError(
            f"label_horizon of the spec is {spec.label_horizon}, and the labels of the bundle "
            f"{path} looked {count_of(horizon, 'bar')} ahead.",
            hint="Leave label_horizon out: the bundle says it.",
            details={"path": path, "label_horizon": spec.label_horizon, "bundle": horizon},
        )
    until = bundle.trained_until if bundle.trained_until is not None else bundle.rows_until
    if spec.trained_until is None or until is None:
        return
    stated = pd.Timestamp(spec.trained_until)
    # The session of a moment may be that of the day before it by UTC.
    if stated >= (until if until.tz is None else until.tz_localize(None) - pd.Timedelta(days=1)):
        return
    what = "was trained" if bundle.trained_until is not None else "was saved with rows"
    raise BundleError(
        f"trained_until of the spec is {spec.trained_until}, and the bundle {path} {what} until "
        f"{format_time(until)}.",
        hint="Leave trained_until out, or give the later date.",
        details={"path": path, "trained_until": spec.trained_until, "bundle": format_time(until)},
    )
