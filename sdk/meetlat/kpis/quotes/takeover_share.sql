/*
id = "takeover_share"
level = 3
pack = "quotes"
unit = "share"
better = "higher"
shape = "mean"
baseline = true
inputs = ["tasks_daily"]
guards = [
  "quotes of which it is not known how much the customer took over are left out",
  "with AI and without AI beside it are not adjusted: people pick AI for the easy ones",
]

[title]
en = "Taken over by the customer"
nl = "Overgenomen door de klant"

[question]
en = "How much of a proposal does the customer take over as it stands?"
nl = "Hoeveel van een voorstel neemt de klant ongewijzigd over?"

[definition]
en = "Mean share of a proposal that the customer takes over, over the finished quotes of which it is known."
nl = "Gemiddeld deel van een voorstel dat de klant overneemt, over de afgeronde offertes waarvan het bekend is."
*/
-- What the customer took over, per quote that says so.
WITH quotes AS (
  SELECT
    *,
    unnest(['', CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END])
      AS part
  FROM tasks_daily
  WHERE step = '' AND state = 'finished' AND takeover_count > 0
)
SELECT
  day, use_case, team, segment, assisted, part,
  sum(takeover_sum)::DOUBLE AS total, sum(takeover_squares)::DOUBLE AS squares,
  sum(takeover_count) AS n
FROM quotes
WHERE part IS NOT NULL
GROUP BY ALL
