-- Runs, their metrics and their trades. Times are ISO 8601 text, money is in $, rates and *_pct
-- are fractions (0.15 is 15 %), holding periods are hours.

CREATE TABLE IF NOT EXISTS backtest_runs (
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

CREATE INDEX IF NOT EXISTS backtest_runs_by_time ON backtest_runs (created_at);
CREATE INDEX IF NOT EXISTS backtest_runs_by_symbol ON backtest_runs (symbol COLLATE NOCASE, created_at);

-- The numbers are those of the JSON report: an undefined value is 0, an infinite one 999999 or
-- -999999, and `undefined` is the JSON list of the names so replaced.
CREATE TABLE IF NOT EXISTS backtest_metrics (
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

CREATE TABLE IF NOT EXISTS backtest_trades (
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
