-- The number of its lot in the order of entries, of the trades of a strategy whose lots may leave in
-- parts; those of one lot are one trade of the metrics.
ALTER TABLE backtest_trades ADD COLUMN lot INTEGER;
