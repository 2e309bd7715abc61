"""Equity curves: one Parquet file per run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from io import BufferedIOBase, BytesIO, IOBase
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd

from btkit.errors import StoreError
from btkit.storage.checksums import Checksum, check_content
from btkit.storage.ids import check_run_id
from btkit.writing import Aside, Summed, make_folder, sweep_once, writing_aside

CURVE_COLUMNS = ("timestamp", "equity", "cash", "invested", "open", "high", "low", "close")
"""The columns of a stored curve: bar time, then $ and prices as float64."""

FURTHER_COLUMNS = ("benchmark", "risk_free", "interest", "borrow_fees", "dividends")
"""What is beside them where a run has it: closes of what it is measured against, a rate a year,
and what was paid for holding."""

OF_A_MODEL = "model_"
"""What the further columns of a model run begin with: what was decided at each bar."""


Explained = Callable[[], AbstractContextManager[None]]


class PendingCurve:
    """A curve that is on the disk, but not yet under its name.

    Parameters
    ----------
    aside
        The file.
    checksum
        Of its content.
    explained
        Reports what the file system refuses.
    """

    def __init__(self, aside: Aside, checksum: Checksum, explained: Explained) -> None:
        self.checksum = checksum
        self.path = aside.path
        self.url = aside.path.as_uri()
        self._aside, self._explained = aside, explained
        self._is_published = False

    def publish(self) -> None:
        """Give it its name."""
        with self._explained():
            self._aside.publish()
        self._is_published = True

    def withdraw(self) -> None:
        """Remove it again, if it was published."""
        if self._is_published:
            with suppress(OSError):  # what made it necessary is the news, not this
                self.path.unlink(missing_ok=True)


class LocalCurves:
    """Curves as ``<run_id>.parquet`` in one folder.

    Parameters
    ----------
    folder
        Made when the first curve is saved.
    private
        Whether only its owner may read the curves.
    """

    def __init__(self, folder: Path, *, private: bool = False) -> None:
        self.folder = folder.expanduser().absolute()
        self._private = private

    @contextmanager
    def writing(self, run_id: str, curve: pd.DataFrame | bytes) -> Iterator[PendingCurve]:
        """Write a curve, or the content of its file, that has its name only if it is published.

        In the block it is whole and on the disk. If the block fails, nothing of it is left.

        Raises
        ------
        StoreError
            If the folder cannot be written.
        """
        with ExitStack() as stack:
            with self._explained():
                make_folder(self.folder, private=self._private)
                sweep_once(self.folder)
                aside = stack.enter_context(
                    writing_aside(self.path_of(run_id), private=self._private)
                )
                summed = Summed(aside.file)
                if isinstance(curve, bytes):
                    summed.write(curve)
                else:
                    _write(curve, summed)
                # The one thing that nothing else gives again.
                aside.finish(durable=True)
            name = aside.path.name
            checksum = Checksum(check_run_id(run_id), name, "curve", summed.sha256, summed.size)
            pending = PendingCurve(aside, checksum, self._explained)
            try:
                yield pending
            except BaseException:
                pending.withdraw()
                raise

    def load(self, run_id: str, url: str, *, checksum: Checksum | None = None) -> pd.DataFrame:
        """Read a curve from its URL, or from this folder, where a project was moved.

        Raises
        ------
        StoreError
            If the file is missing or is no curve.
        CorruptFileError
            If it is not what was written.
        """
        try:
            with self.find(run_id, url).open("rb") as file:
                return read_curve(file, run_id=run_id, url=url, checksum=checksum)
        except FileNotFoundError as error:
            raise StoreError(
                f"The equity curve of run {run_id} is missing: {_path_in(url)} does not exist.",
                hint="Put the file back, or set BT_CURVE_DIR to the folder it was moved to.",
                details={"run_id": run_id, "url": url},
            ) from error
        except OSError as error:
            raise _unreadable(run_id, url, error) from error

    def find(self, run_id: str, url: str) -> Path:
        """Return where a curve is, whether or not it is there; see `load`."""
        stored = _path_in(url)
        return stored if stored.is_file() else self.path_of(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run's curve, if there is one, and what a killed process left of it."""
        self.path_of(run_id).unlink(missing_ok=True)
        # What a killed process may have left.
        if self.folder.is_dir():
            for partial in self.folder.glob(f".{check_run_id(run_id)}.parquet.*.partial"):
                partial.unlink(missing_ok=True)

    def path_of(self, run_id: str) -> Path:
        """Return the file of a run's curve, whether or not it is there."""
        return self.folder / f"{check_run_id(run_id)}.parquet"

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"The equity curve cannot be written to {self.folder}: {error.strerror or error}.",
                hint="Set BT_CURVE_DIR to a folder that you may write to and that has space left.",
                details={"folder": str(self.folder)},
            ) from error


def curve_content(curve: pd.DataFrame) -> bytes:
    """Return the file that a curve is stored as.

    It is as `btkit.documents.RunDocument.curve`, shape (n_bars, 7 or more).
    """
    buffer = BytesIO()
    _write(curve, buffer)
    return buffer.getvalue()


def _write(curve: pd.DataFrame, file: IOBase) -> None:
    # pyarrow is slow to import, and most commands never touch a curve.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns = [*CURVE_COLUMNS, *_further(curve.columns)]
    table = pa.Table.from_pandas(
        curve.rename_axis(CURVE_COLUMNS[0]).reset_index()[columns], preserve_index=False
    )
    # Hardly a number comes twice: dictionaries of them make files larger, and take the room of
    # several columns.
    pq.write_table(table, file, use_dictionary=False)


def _further(names: Iterable[str]) -> list[str]:
    return [name for name in names if name in FURTHER_COLUMNS or name.startswith(OF_A_MODEL)]


def _path_in(url: str) -> Path:
    return Path(url2pathname(urlsplit(url).path))


def read_curve(
    file: BufferedIOBase, *, run_id: str, url: str, checksum: Checksum | None = None
) -> pd.DataFrame:
    """Read a curve's Parquet, if it is what was written: shape (n_bars, 7 or more), by bar time."""
    if checksum is not None:
        found = Checksum.of_file(run_id, checksum.name, "curve", file)
        check_content(checksum, found, what=f"The equity curve of run {run_id} at {url}")
    import pyarrow as pa  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        # One column after the other, each let go when it is copied: a long curve is not there
        # twice.
        content = pq.ParquetFile(file)
        times, *columns = CURVE_COLUMNS
        columns += _further(content.schema_arrow.names)
        index = pd.DatetimeIndex(content.read([times]).to_pandas()[times])
        values = {
            name: np.concatenate([part.to_numpy() for part in content.read([name])[name].chunks])
            for name in columns
        }
    except (OSError, pa.ArrowException, KeyError) as error:
        raise _unreadable(run_id, url, error) from error
    return pd.DataFrame(values, index=index, copy=False)


def _unreadable(run_id: str, url: str, error: Exception) -> StoreError:
    return StoreError(
        f"The equity curve of run {run_id} at {url} cannot be read: {error}.",
        hint="The file is damaged; run the backtest again.",
        details={"run_id": run_id, "url": url},
    )
