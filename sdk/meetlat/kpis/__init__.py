"""The catalogue: every KPI in one file of its own, with its words and its SQL."""
