-- The worst and the best of each trade between its fills. Trades of an earlier version have none.
ALTER TABLE backtest_trades ADD COLUMN mae_pct REAL;
ALTER TABLE backtest_trades ADD COLUMN mfe_pct REAL;
