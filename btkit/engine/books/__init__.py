"""What a strategy holds: share lots, or option spreads."""
