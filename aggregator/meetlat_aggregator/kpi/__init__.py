"""KPI values: from the published tables to a value with its range, improvement and status."""
