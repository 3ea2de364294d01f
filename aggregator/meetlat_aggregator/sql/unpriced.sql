-- Calls with token usage and no known cost.
SELECT seq FROM staged_interaction WHERE cost_exact IS NULL AND tokens IS NOT NULL
