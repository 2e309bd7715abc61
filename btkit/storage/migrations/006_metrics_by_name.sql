-- What a run is measured by beyond the documented columns of backtest_metrics, registered metrics
-- among it. Values are those of the report: 0 where a metric is undefined, 999999 or -999999 where
-- it is infinite; backtest_metrics.undefined has the names. Runs of an earlier version have none.
CREATE TABLE IF NOT EXISTS backtest_metric_values (
    run_id TEXT NOT NULL REFERENCES backtest_runs (run_id) ON DELETE CASCADE,
    name   TEXT NOT NULL,
    value  REAL NOT NULL,
    PRIMARY KEY (run_id, name)
);
