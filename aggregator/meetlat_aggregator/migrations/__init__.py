"""The live database, step by step: each `NNNN_name.sql` is applied once, in one transaction."""
