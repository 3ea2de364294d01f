"""The aggregator: events from the log into KPI tables, each counted once."""
