-- Long or short, of the trades of a strategy that takes both sides; of others the spec says it.
ALTER TABLE backtest_trades ADD COLUMN direction TEXT;
