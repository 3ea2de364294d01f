-- What staging needs of the verdicts, in the order of the batch.
SELECT verdict = 'counted' AS counted, sign, fresh FROM judged ORDER BY seq
