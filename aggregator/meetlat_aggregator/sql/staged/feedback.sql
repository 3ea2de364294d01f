-- Judgements with their exact score.
SELECT *, score::DECIMAL(19, 6) AS score_exact FROM staged
