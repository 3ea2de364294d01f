-- Judgements with their exact score.
SELECT *, score::DECIMAL(18, 6) AS score_exact FROM staged
