/*
id = "template_reuse"
level = 4
pack = "quotes"
unit = "share"
better = "higher"
shape = "share"
inputs = ["tasks_daily"]
guards = [
  "no percentage below 20 quotes",
  "quotes that do not say whether a text block was reused are left out",
]

[title]
en = "Template reuse"
nl = "Template-hergebruik"

[question]
en = "How often are the AI's texts good enough to be used again?"
nl = "Hoe vaak worden AI-tekstblokken hergebruikt in latere projecten?"

[definition]
en = "Quotes that reused a text block that AI wrote for an earlier one, as a share of the quotes that say whether they did."
nl = "Offertes waarin een AI-tekstblok van een eerdere offerte is hergebruikt, als deel van de offertes waarvan bekend is of dat zo is."
*/
-- Quotes with a reused AI text block / quotes that say whether they have one.
SELECT
  day, use_case, team, segment, assisted,
  sum(template_reused) AS hits, sum(template_reused_count) AS n
FROM tasks_daily
WHERE step = '' AND state = 'finished'
GROUP BY ALL
