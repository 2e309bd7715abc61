-- What a list shows of a run stands in its job's row, as of any other job, and that row says how the
-- run stands. backtest_runs says it, too, for programs that read the documented tables.
UPDATE btkit_jobs SET
    (completed_at, error_message, passed, strategy_name, strategy_version, symbol, interval,
     start_date, end_date) =
    (SELECT r.completed_at, r.error_message, r.passed, r.strategy_name, r.strategy_version,
            r.symbol, r.interval, r.start_date, r.end_date
     FROM backtest_runs r WHERE r.run_id = btkit_jobs.run_id)
WHERE run_id IS NOT NULL;
