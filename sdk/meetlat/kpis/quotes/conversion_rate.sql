/*
id = "conversion_rate"
level = 3
pack = "quotes"
unit = "share"
better = "higher"
shape = "share"
baseline = true
maturity_days = 60
inputs = ["task_rows"]
guards = [
  "no percentage below 20 decided quotes",
  "by the day the quote was sent; provisional until those quotes had 60 days to be decided",
  "with AI and without AI beside it are not adjusted: people pick AI for the easy ones",
]
target = {low = 0.10, high = 0.15, kind = "relative", origin = "article"}

[title]
en = "Conversion rate"
nl = "Conversieratio"

[question]
en = "Are quotes accepted more often?"
nl = "Worden offertes vaker geaccepteerd?"

[definition]
en = "Quotes that were won, as a share of those that were won, lost or expired. A quote belongs to the day it was sent: that of its first draft, else that of the request. Open quotes do not count yet."
nl = "Gewonnen offertes, als deel van de offertes die gewonnen, verloren of verlopen zijn. Een offerte hoort bij de dag dat zij verstuurd is: die van de eerste schets, anders die van de aanvraag. Open offertes tellen nog niet mee."
*/
-- Won / decided, by the day it was sent.
WITH decided AS (
  SELECT
    *, coalesce(local_day(first_draft), began) AS sent,
    unnest(['', CASE assisted WHEN 'true' THEN 'with_ai' WHEN 'false' THEN 'without_ai' END])
      AS part
  FROM task_rows
  WHERE step = '' AND outcome IN ('won', 'lost', 'expired')
)
SELECT
  sent AS day, use_case, team, segment, assisted, part,
  count(*) FILTER (WHERE outcome = 'won') AS hits, count(*) AS n
FROM decided
WHERE part IS NOT NULL AND sent IS NOT NULL
GROUP BY ALL
