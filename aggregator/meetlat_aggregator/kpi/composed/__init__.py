"""KPIs that no sum gives: each is put together from several sums, often with those of before."""
