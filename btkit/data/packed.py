"""Loaded bars as bytes, and back to the last bit: what travels to other machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
import pandas as pd
from pydantic import ValidationError

from btkit.data.info import DataInfo, LoadedBars
from btkit.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES: Final = 2 * 1024**3
"""Packed bars are no larger: 40 million bars of six columns."""

_FORMAT: Final = 2
_KEY: Final = b"btkit"
_INDEX: Final = ""
_HINT: Final = "Pack them with the same btkit that unpacks them, and hand them on unchanged."


def pack_bars(loaded: LoadedBars) -> bytes:
    """Return loaded bars as bytes: the same bytes for the same bars.

    An Arrow stream of the bars, then one of the benchmark's where there are some, one of each other
    instrument's that conditions read, and at last one of the finer bars. What is no column stands
    in the metadata of the schemas as JSON. Nothing is compressed: prices hardly are, and who reads
    them can tell beforehand how much memory they take.

    Parameters
    ----------
    loaded
        Columns of float64, ``boolean`` or ``category`` of texts, as checked bars have.

    Raises
    ------
    DataError
        A column is of another type, or the bars take more than `MOST_BYTES`.

    Examples
    --------
    >>> content = pack_bars(loaded)  # doctest: +SKIP
    >>> unpack_bars(content).bars.equals(loaded.bars)  # doctest: +SKIP
    True
    """
    # pyarrow is slow to import, and most commands never touch it.
    import pyarrow as pa  # noqa: PLC0415

    start = loaded.start
    head = {
        "format": _FORMAT,
        "info": loaded.info.model_dump(mode="json"),
        "start": [int(start.asm8.view(np.int64)), start.unit],
        "has_benchmark": loaded.benchmark is not None,
        "others": list(loaded.others),
        "has_detail": loaded.detail is not None,
    }
    sink = pa.BufferOutputStream()
    _write(sink, loaded.bars, head)
    if loaded.benchmark is not None:
        _write(sink, loaded.benchmark, {})
    for other in loaded.others.values():
        _write(sink, other, {})
    if loaded.detail is not None:
        _write(sink, loaded.detail, {})
    content: bytes = sink.getvalue().to_pybytes()
    if len(content) > MOST_BYTES:
        raise DataError(
            f"{len(loaded.bars):,} bars take {len(content):,} bytes, and {MOST_BYTES:,} may travel",
            hint="ask for a shorter range, or for longer bars",
            details={"bytes": len(content), "most": MOST_BYTES},
        )
    return content


def unpack_bars(content: bytes | memoryview) -> LoadedBars:
    """Return the bars that `pack_bars` packed.

    Parameters
    ----------
    content
        As `pack_bars` returned it. Nothing in it is executed, and every size is checked.

    Returns
    -------
    LoadedBars
        The same values to the last bit, index, types, ``attrs``, information and start. The
        frames own their memory.

    Raises
    ------
    DataError
        It is something else, or damaged.
    """
    import pyarrow as pa  # noqa: PLC0415 - as above

    if len(content) > MOST_BYTES:
        raise DataError(
            f"packed bars of {len(content):,} bytes are refused: {MOST_BYTES:,} are the most",
            hint=_HINT,
        )
    try:
        return _unpack(pa.BufferReader(content))
    except (pa.ArrowException, ValidationError, ValueError, TypeError, KeyError, OSError) as error:
        raise DataError(f"packed bars cannot be read: {error}", hint=_HINT) from error


def _unpack(reader: pa.BufferReader) -> LoadedBars:
    bars, head = _read(reader)
    if head.get("format") != _FORMAT:
        message = f"their format is {head.get('format')}, and {_FORMAT} is known"
        raise ValueError(message)
    benchmark = _read(reader)[0] if head["has_benchmark"] else None
    others = {str(symbol): _read(reader)[0] for symbol in head["others"]}
    detail = _read(reader)[0] if head["has_detail"] else None
    if reader.read(1):
        message = "more follows than was packed"
        raise ValueError(message)
    info = DataInfo.model_validate(head["info"])
    value, unit = head["start"]
    zone = pd.DatetimeIndex(bars.index).tz
    start = pd.Timestamp(np.datetime64(value, unit))
    if zone is not None:
        start = start.tz_localize("UTC").tz_convert(zone)
    return LoadedBars(bars, lambda: info, start, benchmark, others, detail)


def _write(sink: pa.BufferOutputStream, frame: pd.DataFrame, head: Mapping[str, Any]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - as above

    index = cast("pd.DatetimeIndex", frame.index)
    zone = None if index.tz is None else pa.lib.tzinfo_to_string(index.tz)
    times = pa.array(index.asi8).view(pa.timestamp(index.unit, zone))
    columns = [_packed(frame[name]) for name in frame.columns]
    stated = {
        **head,
        "name": index.name,
        "attrs": frame.attrs.get("btkit"),
        "categories": {
            name: str(dtype.categories.dtype)
            for name, dtype in frame.dtypes.items()
            if isinstance(dtype, pd.CategoricalDtype)
        },
    }
    names = [_INDEX, *map(str, frame.columns)]
    arrays = [times, *columns]
    schema = pa.schema(
        [pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)],
        metadata={_KEY: json.dumps(stated, sort_keys=True).encode()},
    )
    batch = pa.record_batch(arrays, schema=schema)
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(batch)


def _packed(column: pd.Series[Any]) -> pa.Array:
    import pyarrow as pa  # noqa: PLC0415 - as above

    dtype = column.dtype
    if dtype == np.float64:
        return pa.array(column.to_numpy(), from_pandas=False)
    if isinstance(dtype, pd.BooleanDtype):
        known = column.notna().to_numpy(np.bool_)
        return pa.array(column.to_numpy(np.bool_, na_value=False), mask=~known)
    if isinstance(dtype, pd.CategoricalDtype):
        codes = np.asarray(column.cat.codes, np.int32)
        unknown = codes < 0
        places = pa.array(np.where(unknown, 0, codes).astype(np.int32), mask=unknown)
        texts = pa.array(list(dtype.categories), pa.string())
        return pa.DictionaryArray.from_arrays(places, texts, ordered=bool(dtype.ordered))
    raise DataError(
        f"the column {column.name} has the type {dtype}, which bars that travel have not",
        hint="load the bars with btkit: their columns are numbers, truth values or texts",
        details={"column": str(column.name)},
    )


def _read(reader: pa.BufferReader) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pyarrow as pa  # noqa: PLC0415 - as above

    with pa.ipc.open_stream(reader) as stream:
        head = json.loads((stream.schema.metadata or {}).get(_KEY, b"{}"))
        batches = list(stream)
    if len(batches) != 1:
        message = f"they come in {len(batches)} parts, and one is wanted"
        raise ValueError(message)
    batch = batches[0]
    batch.validate(full=True)
    times = batch.column(0)
    if not pa.types.is_timestamp(times.type) or times.null_count:
        message = f"the first column holds {times.type}, and times of all bars are wanted"
        raise ValueError(message)
    # A copy: compiled loops take arrays that may be written to.
    moments = np.array(times.view(pa.int64())).view(f"M8[{times.type.unit}]")
    index = pd.DatetimeIndex(moments, name=head.get("name"))
    if times.type.tz is not None:
        index = index.tz_localize("UTC")
        if times.type.tz != "UTC":
            index = index.tz_convert(pa.lib.string_to_tzinfo(times.type.tz))
    kinds = head.get("categories", {})
    columns = {
        name: pd.Series(_unpacked(batch.column(place), kinds.get(name)), index)
        for place, name in enumerate(batch.schema.names)
        if place
    }
    frame = pd.DataFrame(columns, index=index)
    if head.get("attrs") is not None:
        frame.attrs["btkit"] = head["attrs"]
    return frame, head


def _unpacked(column: pa.Array, kind: str | None) -> Any:  # noqa: ANN401 - an array of any type
    import pyarrow as pa  # noqa: PLC0415 - as above

    if column.type == pa.float64() and not column.null_count:
        return column.to_numpy()
    if column.type == pa.bool_():
        unknown = np.array(column.is_null())
        return pd.arrays.BooleanArray(np.array(column.fill_null(False)), unknown)
    if pa.types.is_dictionary(column.type) and column.type.value_type == pa.string():
        texts = column.dictionary.to_pylist()
        dtype = pd.CategoricalDtype(
            pd.Index(texts, dtype="object" if kind == "object" else "str"),
            ordered=column.type.ordered,
        )
        codes = column.indices.fill_null(-1).to_numpy()
        return pd.Categorical.from_codes(codes, dtype=dtype)
    message = f"a column holds {column.type}, {column.null_count} of them missing"
    raise ValueError(message)
