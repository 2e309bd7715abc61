"""Load a spec from a path, a mapping or a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from btkit.arguments import kind_of_value, quoted
from btkit.errors import SpecError, UsageError
from btkit.indicators import NO_USER_EVENTS, UserEvents
from btkit.settings import Settings, read_settings
from btkit.spec.base import BaseSpec
from btkit.spec.events import EventSource, read_events
from btkit.spec.kinds import (
    KINDS,
    InferredKind,
    SpecKind,
    check_kind,
    foreign_sign,
    infer_kind,
    kind_of,
)
from btkit.spec.reading import parse_text, read_file
from btkit.spec.wording import no_mapping

_FORMS = {".json": "json", ".yaml": "yaml", ".yml": "yaml"}


class _Known(NamedTuple):
    """What a spec rests on beside its text."""

    max_holding_bars: int | None
    events: UserEvents


def load_spec(
    source: str | Path | Mapping[str, Any] | BaseSpec,
    *,
    settings: Settings | None = None,
    kind: str | Sequence[str] | None = None,
    events: EventSource | None = None,
) -> BaseSpec:
    """Load and check a spec.

    Parameters
    ----------
    source
        The path of a ``.json``, ``.yaml`` or ``.yml`` file, a mapping, or the text of a spec, also
        in a fenced block with prose around it. A string of several lines, or one that begins with
        a brace or a fence, is a text; any other is a path if a file is there, else a text. A spec
        that is loaded already is returned as it is.
    settings
        Where the default of ``max_holding_bars`` and the events come from; None reads the
        environment.
    kind
        What is needed, such as ``"rules"`` or ``"options"``; of several the first where nothing
        tells. None takes what the fields tell: a ``spread_type`` makes an option spec; without
        one, ``model_path``, ``models`` or what else only model specs have makes a model spec, and
        so do the ``nn_inputs`` of another system's strategies, and, without conditions, their
        other parts; else a field that only rule specs
        have makes a rule spec; else ``target_dte``, ``short_delta`` or ``long_delta`` an option
        spec; else exits or stops
        a rule spec. A spec in which nothing tells is taken for what is needed.
    events
        Events of one's own, whose names conditions may read: the path of a CSV file, or a
        DataFrame, with the columns name, date, and optionally symbol and known_from. None takes
        the file that BT_EVENTS names. They belong to the spec from then on.

    Raises
    ------
    SpecError
        If the spec is refused; `problems` has everything that is wrong with it, each with its
        path and a hint.
    SpecKindError
        If it is of another kind than is needed.
    UsageError
        If there is nothing to read: no such file, a folder, an unreadable file.
    """
    if settings is not None:
        read_settings(settings)
    kinds = _kinds(kind)
    if isinstance(source, BaseSpec):
        check_kind(InferredKind(*kind_of(source)), kinds, source.name)
        if events is None:
            return source
        return source.from_fields(source.model_dump(), read_events(events))
    return _load(source, _known(settings, events), kinds)


def meant_for(source: str | Mapping[str, Any]) -> dict[str, str]:
    """Return what a spec is run on where nobody says it, without loading the whole of it.

    Parameters
    ----------
    source
        The path of its file, or its fields.

    Returns
    -------
    dict
        The fields of a job that it states, unchecked; none where it is no spec that can be read.

    Examples
    --------
    >>> meant_for({"model_path": "models/dip/SPX_1d", "symbol": "SPX"})
    {'symbol': 'SPX'}
    """
    try:
        values = read_fields(Path(source)) if isinstance(source, str) else source
        if not isinstance(values, Mapping):
            return {}
        kind = KINDS[infer_kind(values).kind or "rules"]
        if foreign_sign(kind, values) is not None:
            values = kind.adopt(values)
    except (SpecError, UsageError):
        return {}
    stated = {name: values.get(name) for name in ("symbol", "interval")}
    return {
        name: value
        for name, value in stated.items()
        if name in kind.spec.model_fields and isinstance(value, str)
    }


def read_fields(path: Path) -> object:
    """Return what the file of a spec says, unchecked: plain values, and nothing built of them.

    Parameters
    ----------
    path
        Of a ``.json``, ``.yaml`` or ``.yml`` file.

    Raises
    ------
    SpecError
        If its text is refused, see `parse_text`.
    UsageError
        If it cannot be read.
    """
    return _parsed(path, read_file(path, _origin(path)))


def _origin(path: Path) -> str:
    return str(path).encode("utf-8", "backslashreplace").decode()


def _kinds(wanted: object) -> tuple[str, ...]:
    if wanted is None:
        return tuple(KINDS)
    kinds = (wanted,) if isinstance(wanted, str) else wanted
    if isinstance(kinds, tuple) and kinds and all(kind in KINDS for kind in kinds):
        return kinds
    raise UsageError(
        f"a spec is of kind {' or '.join(map(repr, KINDS))}, not {kind_of_value(wanted)}",
        hint="leave kind out: the fields of a spec tell it",
    )


def _load(source: str | Path | Mapping[str, Any], known: _Known, kinds: Sequence[str]) -> BaseSpec:
    if isinstance(source, Mapping):
        return _build(dict(source), known, kinds)
    if isinstance(source, Path):
        return _load_file(source, known, kinds)
    if not isinstance(source, str):
        raise UsageError(
            f"a spec is a path, a mapping or a text, not {kind_of_value(source)}",
            hint="give the path of a .json or .yaml file, or a dict of the fields",
        )
    source = source.removeprefix("\ufeff")
    if "\n" in source or source.lstrip()[:1] in {"{", "[", "`"}:
        return _build(parse_text(source), known, kinds)
    if _exists(source):
        return _load_file(Path(source), known, kinds)
    return _build(_one_line(source), known, kinds)


def _exists(path: str) -> bool:
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):
        # Too long, or with characters that no path has: then it is none.
        return False


def _one_line(text: str) -> object:
    neither = UsageError(
        f"{quoted(text)} is neither a file that exists nor the text of a spec",
        hint="check the path; a spec's text has a line for each field, such as name: my_strategy",
    )
    try:
        values = parse_text(text)
    except SpecError as error:
        raise neither from error
    if not isinstance(values, dict):
        raise neither
    return values


def _parsed(path: Path, text: str) -> object:
    return parse_text(text, form=_FORMS.get(path.suffix.lower()))


def _load_file(path: Path, known: _Known, kinds: Sequence[str]) -> BaseSpec:
    origin = _origin(path)
    text = read_file(path, origin)
    try:
        return _build(_parsed(path, text), known, kinds)
    except SpecError as error:
        refused = SpecError(error.problems, origin=origin)
        refused.details |= error.details
        raise refused from error


def _build(values: object, known: _Known, kinds: Sequence[str]) -> BaseSpec:
    if not isinstance(values, dict):
        raise SpecError([no_mapping(values)])
    inferred = infer_kind(values)
    taken = check_kind(inferred, kinds, values.get("name"))
    kind = KINDS[taken]
    try:
        if foreign_sign(kind, values) is None:
            return _checked(kind, values, known)
        values = kind.adopt(values)
        try:
            return _checked(kind, values, known)
        except SpecError as error:
            raise SpecError([kind.in_foreign(problem) for problem in error.problems]) from error
    except SpecError as error:
        error.details |= {"kind": taken, "why": inferred.why}
        raise


def build_spec(
    kind: str, fields: Mapping[str, Any], *, settings: Settings, events: UserEvents
) -> BaseSpec:
    """Return a spec of a known kind, whatever its fields tell.

    Parameters
    ----------
    kind
        Its name.
    fields
        By name.
    settings
        Where the default of ``max_holding_bars`` comes from.
    events
        That its conditions may read beside btkit's own.

    Raises
    ------
    SpecError
        If it is refused.
    """
    return _checked(KINDS[kind], fields, _Known(settings.max_holding_bars, events))


def _checked(kind: SpecKind, values: Mapping[str, Any], known: _Known) -> BaseSpec:
    # null means the default.
    limit = known.max_holding_bars if kind.spec.has_usual_limit else None
    if values.get("max_holding_bars") is None and limit is not None:
        values = {**values, "max_holding_bars": limit}
    return kind.spec.from_fields(values, known.events)


def _known(settings: Settings | None, events: EventSource | None) -> _Known:
    settings = read_settings(settings)
    source = settings.events if events is None else events
    return _Known(
        settings.max_holding_bars, NO_USER_EVENTS if source is None else read_events(source)
    )
