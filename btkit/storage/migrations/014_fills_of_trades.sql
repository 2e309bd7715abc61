-- At which of a bar's prices each lot of shares left, and whether it was known in each of its bars
-- what came first; spreads have neither.
ALTER TABLE backtest_trades ADD COLUMN fill_kind TEXT;
ALTER TABLE backtest_trades ADD COLUMN certain INTEGER;
