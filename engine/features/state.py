"""What features carry from one session to the next: the last rows and the running averages of every symbol ever seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from engine.errors import LakeError
from engine.features.windows import WINDOW, Counts, Floats

Positions = NDArray[np.int32]

SERIES = ("close", "log_return", "volume")
AVERAGES = ("ema_12", "ema_26", "macd_signal", "average_gain", "average_loss", "atr_14")

STATE_SCHEMA = pa.schema(
    [
        ("symbol", pa.string()),
        ("last_session", pa.date32()),
        ("rows", pa.int64()),
        *((f"last_{name}s", pa.list_(pa.float64(), WINDOW)) for name in SERIES),
        *((name, pa.float64()) for name in AVERAGES),
    ],
)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureState:
    """The carried state of all symbols after a session, sorted by symbol; n symbols long, whatever the history.

    `rows` counts a symbol's own rows. `windows` (3, 20, n) holds its newest closes, log returns and volumes, newest last, NaN where
    there is none. `averages` (6, n) holds the AVERAGES, which during their warm-up are the plain means so far (0 before any value).
    A symbol that does not trade keeps its state untouched for as long as it stays away: windows count own sessions, not days.
    """

    symbols: pa.StringArray
    last_sessions: NDArray[np.int32]  # days since 1970-01-01
    rows: Counts
    windows: Floats
    averages: Floats

    def __post_init__(self) -> None:
        for array in (self.last_sessions, self.rows, self.windows, self.averages):
            array.flags.writeable = False

    @classmethod
    def empty(cls) -> "FeatureState":
        """Return the state before the first session."""
        return cls(
            symbols=pa.array([], pa.string()),
            last_sessions=np.empty(0, np.int32),
            rows=np.empty(0, np.int64),
            windows=np.empty((len(SERIES), WINDOW, 0)),
            averages=np.empty((len(AVERAGES), 0)),
        )

    @property
    def session(self) -> date | None:
        """The newest session that any symbol's state holds; None before the first."""
        return date.fromordinal(date(1970, 1, 1).toordinal() + int(self.last_sessions.max())) if len(self.rows) else None

    def located(self, symbols: pa.StringArray) -> tuple["FeatureState", Positions]:
        """Return the state, with untouched entries for those of `symbols` that are new to it, and the positions of `symbols` in it."""
        at = pc.index_in(symbols, value_set=self.symbols)
        if at.null_count:
            grown = self._with_new(pc.unique(symbols.filter(at.is_null())))
            return grown, pc.index_in(symbols, value_set=grown.symbols).to_numpy()
        return self, at.to_numpy()

    def _with_new(self, symbols: pa.StringArray) -> "FeatureState":
        """Return the state with untouched entries for `symbols`, none of which it holds."""
        names = pa.concat_arrays([self.symbols, symbols])
        order = pc.sort_indices(names).to_numpy()
        count = len(symbols)
        return FeatureState(
            symbols=names.take(pa.array(order)),
            last_sessions=np.append(self.last_sessions, np.zeros(count, np.int32))[order],
            rows=np.append(self.rows, np.zeros(count, np.int64))[order],
            windows=np.append(self.windows, np.full((len(SERIES), WINDOW, count), np.nan), axis=-1)[..., order],
            averages=np.append(self.averages, np.zeros((len(AVERAGES), count)), axis=-1)[..., order],
        )

    def updated(
        self, at: Positions, *, session: int, rows: Counts, windows: Sequence[Floats], averages: Sequence[Floats]
    ) -> "FeatureState":
        """Return the state with new entries at the positions `at`, of a `session` in days since 1970-01-01."""
        last_sessions, all_rows = self.last_sessions.copy(), self.rows.copy()
        all_windows, all_averages = self.windows.copy(), self.averages.copy()
        last_sessions[at], all_rows[at] = session, rows
        for entries, news in ((all_windows, windows), (all_averages, averages)):
            for entry, new in zip(entries, news, strict=True):
                entry[..., at] = new
        return FeatureState(symbols=self.symbols, last_sessions=last_sessions, rows=all_rows, windows=all_windows, averages=all_averages)

    def digest(self) -> str:
        """Return a fingerprint of every bit of the state: two states with the same one go on the same."""
        fingerprint = sha256("\0".join(self.symbols.to_pylist()).encode())
        for array in (self.last_sessions, self.rows, self.windows, self.averages):
            fingerprint.update(np.ascontiguousarray(array).ravel().data)  # in the order of its places, mostly without a copy
        return fingerprint.hexdigest()

    def to_table(self) -> pa.Table:
        """Return the state as a table of STATE_SCHEMA, one row a symbol, for a checkpoint."""
        windows = [pa.FixedSizeListArray.from_arrays(pa.array(self.windows[i].T.ravel()), WINDOW) for i in range(len(SERIES))]
        averages = [pa.array(self.averages[i]) for i in range(len(AVERAGES))]
        last_sessions = pa.array(self.last_sessions).cast(pa.date32())
        return pa.Table.from_arrays([self.symbols, last_sessions, pa.array(self.rows), *windows, *averages], schema=STATE_SCHEMA)

    @classmethod
    def from_table(cls, table: pa.Table) -> "FeatureState":
        """Return the state that `to_table` wrote, bit for bit; raises LakeError on a table of another schema."""
        if not table.schema.equals(STATE_SCHEMA):
            raise LakeError(
                f"feature state has the columns {table.schema.names}, not {STATE_SCHEMA.names}: rebuild gold from its first session"
            )
        if table.num_rows == 0:
            return cls.empty()
        columns = dict(zip(table.schema.names, (column.chunk(0) for column in table.combine_chunks().columns), strict=True))
        windows = [columns[f"last_{name}s"].flatten().to_numpy().reshape(-1, WINDOW).T for name in SERIES]
        return cls(
            symbols=columns["symbol"],
            last_sessions=columns["last_session"].cast(pa.int32()).to_numpy(),
            rows=columns["rows"].to_numpy(),
            windows=np.stack(windows),
            averages=np.stack([columns[name].to_numpy() for name in AVERAGES]),
        )
