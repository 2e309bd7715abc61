BEGIN TRANSACTION;
CREATE TABLE backtest_checkpoint_parts (
    run_id  TEXT NOT NULL REFERENCES backtest_checkpoints (run_id) ON DELETE CASCADE,
    part    INTEGER NOT NULL,
    content BLOB NOT NULL,  -- NumPy arrays (.npz)
    PRIMARY KEY (run_id, part)
);
CREATE TABLE backtest_checkpoints (
    run_id      TEXT PRIMARY KEY NOT NULL
                REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    type        TEXT NOT NULL CHECK (type IN ('periodic', 'cancellation')),
    bar_index   INTEGER,  -- the last bar simulated, from 0, warm-up included; NULL before the first
    cash        REAL,
    fingerprint TEXT,     -- of all that the bars to come depend on
    state       BLOB,     -- NumPy arrays (.npz): cash, open lots, pending orders, counters
    saved_at    TEXT NOT NULL,
    CHECK ((bar_index IS NULL) = (state IS NULL))
);
INSERT INTO "backtest_checkpoints" VALUES('683d4c2b-6b72-44d3-80ce-8955ea13bf92','cancellation',NULL,NULL,NULL,NULL,'2026-11-28T12:43:58.070+00:00');
INSERT INTO "backtest_checkpoints" VALUES('77c2bb4a-68aa-4f36-9edf-8d04f1a417fd','cancellation',NULL,NULL,NULL,NULL,'2026-11-28T12:43:58.089+00:00');
CREATE TABLE backtest_checksums (
    owner_id   TEXT NOT NULL,     -- a run, a sweep, a walk-forward validation, or 'batch'
    name       TEXT NOT NULL,     -- the file's, with / below its folder; or 'report', 'trades'
    kind       TEXT NOT NULL
               CHECK (kind IN ('rows', 'curve', 'table', 'json', 'notebook', 'html', 'csv', 'spec')),
    sha256     TEXT NOT NULL CHECK (length(sha256) = 64),
    size       INTEGER NOT NULL,  -- bytes
    written_at TEXT NOT NULL,
    PRIMARY KEY (owner_id, name)
);
INSERT INTO "backtest_checksums" VALUES('683d4c2b-6b72-44d3-80ce-8955ea13bf92','request','rows','cefbdfb6a59ef180780f4cbf3b944dc35a79949e2528160eb91ab11bfe4e6b9d',1427,'2026-11-28T12:43:57.775+00:00');
INSERT INTO "backtest_checksums" VALUES('77c2bb4a-68aa-4f36-9edf-8d04f1a417fd','request','rows','5993a739d9c4c994c157acb0ae67ff3d16a73f4f982e6bebeb015acc04c4ef36',1153,'2026-11-28T12:43:58.080+00:00');
INSERT INTO "backtest_checksums" VALUES('4f68ddeb0a5abb6f','request','rows','8aa26150844ea8af3f4983ad1fc961c389d850f474ae4e1fe71b6ec14410a504',1620,'2026-11-28T12:43:59.546+00:00');
INSERT INTO "backtest_checksums" VALUES('73499b80cead4ab2','request','rows','2f21b76ce0a59324b43699060435dbd361b868c5aa504db82adc6a291b535df5',1590,'2026-11-28T12:43:59.629+00:00');
INSERT INTO "backtest_checksums" VALUES('c5f3c0592e144d04','request','rows','cee6ad6f08fde142d24a7b7ceb226b7d701c586a16d7b6c4399e3c0eb9dffa30',970,'2026-11-28T12:43:59.764+00:00');
CREATE TABLE backtest_metrics (
    run_id                     TEXT PRIMARY KEY NOT NULL
                               REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    total_trades               INTEGER NOT NULL,
    winning_trades             INTEGER NOT NULL,
    losing_trades              INTEGER NOT NULL,
    win_rate                   REAL NOT NULL,
    profit_factor              REAL NOT NULL,
    expectancy_per_trade       REAL NOT NULL,
    avg_win_pct                REAL NOT NULL,
    avg_loss_pct               REAL NOT NULL,
    largest_win                REAL NOT NULL,
    largest_loss               REAL NOT NULL,
    consecutive_losses_max     INTEGER NOT NULL,
    cagr                       REAL NOT NULL,
    max_drawdown_pct           REAL NOT NULL,
    max_drawdown_duration_days INTEGER NOT NULL,
    sharpe_ratio               REAL NOT NULL,
    sortino_ratio              REAL NOT NULL,
    calmar_ratio               REAL NOT NULL,
    recovery_factor            REAL NOT NULL,
    is_sharpe                  REAL,
    oos_sharpe                 REAL,
    walk_forward_efficiency    REAL,
    total_return               REAL NOT NULL,
    total_return_pct           REAL NOT NULL,
    annualized_return          REAL NOT NULL,
    volatility                 REAL NOT NULL,
    max_drawdown               REAL NOT NULL,
    avg_win                    REAL NOT NULL,
    avg_loss                   REAL NOT NULL,
    avg_holding_period         REAL NOT NULL,
    avg_win_holding_period     REAL NOT NULL,
    avg_loss_holding_period    REAL NOT NULL,
    undefined                  TEXT NOT NULL
);
CREATE TABLE backtest_runs (
    run_id                  TEXT PRIMARY KEY NOT NULL,
    strategy_name           TEXT NOT NULL,
    strategy_version        TEXT NOT NULL,
    symbol                  TEXT NOT NULL,
    interval                TEXT NOT NULL,
    start_date              TEXT NOT NULL,
    end_date                TEXT NOT NULL,
    initial_capital         REAL NOT NULL,
    commission_per_contract REAL NOT NULL,
    slippage_pct            REAL NOT NULL,
    created_at              TEXT NOT NULL,
    completed_at            TEXT,
    status                  TEXT NOT NULL CHECK (status IN ('running', 'complete', 'failed')),
    error_message           TEXT,
    passed                  INTEGER CHECK (passed IN (0, 1)),
    equity_curve_url        TEXT,
    report                  TEXT,  -- the whole JSON document of a complete run
    CHECK ((status = 'complete') = (report IS NOT NULL)),
    CHECK ((status = 'failed') = (error_message IS NOT NULL))
);
INSERT INTO "backtest_runs" VALUES('683d4c2b-6b72-44d3-80ce-8955ea13bf92','golden_cross','1.0','SPX','1d','2012-01-03','2013-12-31',100000.0,1.5,0.005,'2026-11-28T12:43:57','2026-11-28T12:43:58','failed','InterruptedRunError: The run was stopped before it was complete.',NULL,NULL,NULL);
INSERT INTO "backtest_runs" VALUES('77c2bb4a-68aa-4f36-9edf-8d04f1a417fd','vrp_short_put_spread','1.0','SPX','1d','2012-01-03','2013-12-31',1000000.0,0.65,0.005,'2026-11-28T12:43:58','2026-11-28T12:43:58','failed','InterruptedRunError: The run was stopped before it was complete.',NULL,NULL,NULL);
CREATE TABLE backtest_trades (
    run_id        TEXT NOT NULL REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    trade_index   INTEGER NOT NULL,  -- 0-based, in order of exit
    entry_date    TEXT NOT NULL,
    exit_date     TEXT NOT NULL,
    entry_price   REAL NOT NULL,
    exit_price    REAL NOT NULL,
    shares        REAL NOT NULL,
    pnl           REAL NOT NULL,
    return_pct    REAL NOT NULL,
    exit_reason   TEXT NOT NULL,
    bars_held     INTEGER NOT NULL,
    commission    REAL NOT NULL,
    slippage_cost REAL NOT NULL,
    PRIMARY KEY (run_id, trade_index)
);
CREATE TABLE "backtest_uploads" (
    object_key      TEXT PRIMARY KEY NOT NULL,
    run_id          TEXT NOT NULL,
    action          TEXT NOT NULL CHECK (action IN ('upload', 'remove')),
    kind            TEXT NOT NULL CHECK (kind IN ('curve', 'json', 'notebook', 'html', 'csv')),
    path            TEXT NOT NULL,  -- the local file
    bucket          TEXT,           -- where it is, once it was delivered
    queued_at       TEXT NOT NULL,
    delivered_at    TEXT,
    attempts        INTEGER NOT NULL DEFAULT 0,
    last_error      TEXT,
    host            TEXT,           -- who is at it now; NULL where nobody is
    pid             INTEGER,
    process_started TEXT,
    claimed_at      TEXT,
    CHECK ((delivered_at IS NULL) OR (bucket IS NOT NULL))
);
CREATE TABLE btkit_jobs (
    job_id           TEXT PRIMARY KEY NOT NULL,
    kind             TEXT NOT NULL,  -- the command: run, options-sim, walk-forward, sweep, batch
    status           TEXT NOT NULL
                     CHECK (status IN ('running', 'complete', 'failed', 'cancelled')),
    run_id           TEXT UNIQUE     -- the job's own id where it is a run; NULL for all others
                     REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    parent_id        TEXT            -- the job that this one is a part of
                     REFERENCES btkit_jobs (job_id) ON DELETE CASCADE,
    part             INTEGER,        -- its place among the parent's parts, from 1
    created_at       TEXT NOT NULL,
    -- What a list shows of a job that is no run; a run has these in backtest_runs.
    completed_at     TEXT,
    error_message    TEXT,
    strategy_name    TEXT,
    strategy_version TEXT,
    symbol           TEXT,
    interval         TEXT,
    start_date       TEXT,
    end_date         TEXT,
    passed           INTEGER CHECK (passed IN (0, 1)),
    document         TEXT,           -- the JSON that the command printed
    request          TEXT,           -- JSON: what was asked for; NULL where it cannot be resumed
    done             INTEGER,        -- how far it is: done of total units
    total            INTEGER,
    unit             TEXT,
    host             TEXT,           -- the owner; NULL where nobody is at work
    pid              INTEGER,
    process_started  TEXT,
    heartbeat_at     TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    CHECK (run_id IS NULL OR run_id = job_id),
    CHECK ((parent_id IS NULL) = (part IS NULL))
);
INSERT INTO "btkit_jobs" VALUES('683d4c2b-6b72-44d3-80ce-8955ea13bf92','run','cancelled','683d4c2b-6b72-44d3-80ce-8955ea13bf92',NULL,NULL,'2026-11-28T12:43:57',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"kind": "run", "spec": {"name": "golden_cross", "version": "1.0", "description": "The textbook trend follower. It buys on the day the fast average crosses above the slow one, puts all cash in, and sells on the day it crosses back. There is no stop: a fall between two crosses is borne in full. It trades once every year or two, so even twenty years of bars are too few trades to judge it by. The parameters are the customary 50 and 200, not the result of a search.", "instruments": ["SPY", "SPX"], "timeframe": "position", "entry_conditions": ["sma_{fast} > sma_{slow}", "prev_sma_{fast} <= prev_sma_{slow}", "not in_position"], "filter_conditions": [], "filter_scope": "entries", "max_holding_bars": 2147483647, "max_concurrent_positions": 1, "per_trade_risk_pct": 0.01, "parameters": {"fast": 50, "slow": 200}, "fill": "next_open", "price_adjustment": "none", "calendar": "XNYS", "bars_per_year": null, "metadata": {}, "asset_class": "equities", "exit_conditions": ["sma_{fast} < sma_{slow}"], "stop_conditions": [], "position_sizing_formula": "capital / close", "requires_options_data": false, "allow_fractional": false, "direction": "long", "commission_model": null}, "events": {}, "symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "interval": "1d", "source": "sample", "capital": 100000.0, "commission": 1.5, "slippage": 0.005, "path": "strategies/golden_cross.yaml", "min_trades_required": 10, "format": null}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "btkit_jobs" VALUES('77c2bb4a-68aa-4f36-9edf-8d04f1a417fd','options-sim','cancelled','77c2bb4a-68aa-4f36-9edf-8d04f1a417fd',NULL,NULL,'2026-11-28T12:43:58',NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"kind": "options-sim", "spec": {"name": "vrp_short_put_spread", "version": "1.0", "description": "", "instruments": [], "timeframe": "swing", "entry_conditions": ["iv_rank is not None and iv_rank >= 30", "close > sma_50", "not in_position"], "filter_conditions": ["vix < 40", "not fomc_meeting_day"], "filter_scope": "entries", "max_holding_bars": 15, "max_concurrent_positions": 1, "per_trade_risk_pct": 0.02, "parameters": {}, "fill": "next_open", "price_adjustment": "none", "calendar": "XNYS", "bars_per_year": null, "metadata": {}, "asset_class": "options", "spread_type": "short_put_spread", "exit_conditions": [], "stop_conditions": [], "target_dte": 21, "short_delta": 0.3, "long_delta": 0.15, "profit_target_pct": 0.5, "stop_loss_pct": 2.0, "risk_free_rate": 0.05, "strike_step": null, "expiry": null, "iv_source": "iv_atm", "iv_scale": 1.0, "skew": 0.0, "dividend_yield": 0.0}, "events": {}, "symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "interval": "1d", "source": "sample", "capital": 1000000.0, "commission": 0.65, "slippage": 0.005, "path": "strategies/vrp_short_put_spread.json", "min_trades_required": 10, "format": null}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "btkit_jobs" VALUES('4f68ddeb0a5abb6f','sweep','cancelled',NULL,NULL,NULL,'2026-11-28T12:43:59','2026-11-28T12:43:59','InterruptedRunError: The sweep was stopped before it was complete.','golden_cross','1.0','SPX','1d','2012-01-03','2013-12-31',NULL,NULL,'{"kind": "sweep", "spec": {"name": "golden_cross", "version": "1.0", "description": "The textbook trend follower. It buys on the day the fast average crosses above the slow one, puts all cash in, and sells on the day it crosses back. There is no stop: a fall between two crosses is borne in full. It trades once every year or two, so even twenty years of bars are too few trades to judge it by. The parameters are the customary 50 and 200, not the result of a search.", "instruments": ["SPY", "SPX"], "timeframe": "position", "entry_conditions": ["sma_{fast} > sma_{slow}", "prev_sma_{fast} <= prev_sma_{slow}", "not in_position"], "filter_conditions": [], "filter_scope": "entries", "max_holding_bars": 2147483647, "max_concurrent_positions": 1, "per_trade_risk_pct": 0.01, "parameters": {"fast": 50, "slow": 200}, "fill": "next_open", "price_adjustment": "none", "calendar": "XNYS", "bars_per_year": null, "metadata": {}, "asset_class": "equities", "exit_conditions": ["sma_{fast} < sma_{slow}"], "stop_conditions": [], "position_sizing_formula": "capital / close", "requires_options_data": false, "allow_fractional": false, "direction": "long", "commission_model": null}, "events": {}, "path": "strategies/golden_cross.yaml", "symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "interval": "1d", "source": "sample", "format": null, "capital": 100000.0, "commission": 0.65, "slippage": 0.005, "objective": "sharpe_ratio", "constraint": "fast < slow", "max_sets": 1000000, "min_trades_required": 10, "parameters": {"fast": [5, 10], "slow": [20, 40]}, "method": "grid", "samples": 1000, "seed": 0, "threads": 2}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "btkit_jobs" VALUES('73499b80cead4ab2','walk-forward','cancelled',NULL,NULL,NULL,'2026-11-28T12:43:59','2026-11-28T12:43:59','InterruptedRunError: The walk-forward was stopped before it was complete.','golden_cross','1.0','SPX','1d','2012-01-03','2013-12-31',NULL,NULL,'{"kind": "walk-forward", "spec": {"name": "golden_cross", "version": "1.0", "description": "The textbook trend follower. It buys on the day the fast average crosses above the slow one, puts all cash in, and sells on the day it crosses back. There is no stop: a fall between two crosses is borne in full. It trades once every year or two, so even twenty years of bars are too few trades to judge it by. The parameters are the customary 50 and 200, not the result of a search.", "instruments": ["SPY", "SPX"], "timeframe": "position", "entry_conditions": ["sma_{fast} > sma_{slow}", "prev_sma_{fast} <= prev_sma_{slow}", "not in_position"], "filter_conditions": [], "filter_scope": "entries", "max_holding_bars": 2147483647, "max_concurrent_positions": 1, "per_trade_risk_pct": 0.01, "parameters": {"fast": 50, "slow": 200}, "fill": "next_open", "price_adjustment": "none", "calendar": "XNYS", "bars_per_year": null, "metadata": {}, "asset_class": "equities", "exit_conditions": ["sma_{fast} < sma_{slow}"], "stop_conditions": [], "position_sizing_formula": "capital / close", "requires_options_data": false, "allow_fractional": false, "direction": "long", "commission_model": null}, "events": {}, "path": "strategies/golden_cross.yaml", "symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "interval": "1d", "source": "sample", "format": null, "capital": 100000.0, "commission": 0.65, "slippage": 0.005, "objective": "sharpe_ratio", "constraint": null, "max_sets": 1000000, "min_trades_required": 10, "windows": 2, "is_ratio": 0.7, "scheme": "rolling", "optimize": {"fast": [5, 10]}}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
INSERT INTO "btkit_jobs" VALUES('c5f3c0592e144d04','batch','cancelled',NULL,NULL,NULL,'2026-11-28T12:43:59','2026-11-28T12:43:59','InterruptedRunError: The batch was stopped before it was complete.','jobs.yaml',NULL,NULL,NULL,NULL,NULL,NULL,NULL,'{"kind": "batch", "name": "jobs.yaml", "jobs": [{"number": 1, "command": "run", "options": {"strategy": "strategies/golden_cross.yaml", "symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "capital": "50000.0", "format": "{\"decimal\": \",\"}", "quiet": null}}, {"number": 2, "command": "run", "options": {"strategy": "strategies/golden_cross.yaml", "symbol": "IXIC", "start": "2012-01-03", "end": "2013-12-31", "capital": "50000.0", "format": "{\"decimal\": \",\"}", "quiet": null}}, {"number": 3, "command": "sweep", "options": {"strategy": "strategies/golden_cross.yaml", "symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "param": ["fast=5:10:5", "slow=20,40"], "max-sets": "10", "no-report": null}}, {"number": 4, "command": "walk-forward", "options": {"strategy": "strategies/golden_cross.yaml", "symbol": "SPX", "start": "2012-01-03", "end": "2013-12-31", "commission": "2", "windows": "2", "is-ratio": "0.6"}}], "workers": 1, "rendering": null}',NULL,NULL,NULL,NULL,NULL,NULL,NULL,0);
CREATE INDEX backtest_runs_by_time ON backtest_runs (created_at);
CREATE INDEX backtest_runs_by_symbol ON backtest_runs (symbol COLLATE NOCASE, created_at);
CREATE INDEX btkit_jobs_by_time ON btkit_jobs (created_at);
CREATE INDEX btkit_jobs_by_parent ON btkit_jobs (parent_id, part);
CREATE INDEX backtest_uploads_by_run ON backtest_uploads (run_id);
COMMIT;PRAGMA user_version = 5;
