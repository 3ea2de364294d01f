-- Models that are paid by the month, spread over its days: a cost even when nobody calls them.
SELECT * FROM monthly_at_hand
