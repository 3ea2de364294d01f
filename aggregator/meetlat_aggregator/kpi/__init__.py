"""The KPI model: what the tables say, as values with a range, a baseline and a target."""
