/*
id = "selection_parity"
level = 3
pack = "hr"
unit = "share"
better = ""
shape = "composed"
baseline = true
minimum = 30
inputs = ["selection_counts"]
guards = [
  "a group with fewer than 30 applicants, 5 selected or 5 rejected is hidden, and so is a group that it could be worked out from",
  "called adverse only if the whole interval of the ratio of selection rates lies below 0.8",
  "ratios are made within vacancies (segments), then put together",
  "choices made by hand after go-live are left out: they are not the AI's",
]

[title]
en = "Selection parity"
nl = "Bias-reductie"

[question]
en = "Does the selection treat groups alike, and better than choosing by hand did?"
nl = "Behandelt de selectie groepen gelijk, en beter dan de handmatige keuze van vroeger?"

[definition]
en = "Per group, as part `dimension/group`: its share among those selected minus its share among the applicants; 0 is parity. As part `dimension/group/ratio` the group's selection rate divided by that of all others together, within vacancies. The KPI itself is the group furthest behind. Adverse (off target) only if the whole range of the ratio lies below 0.8. Compared with the choices made by hand before go-live. From counts alone, never beside a person."
nl = "Per groep, als deel `dimensie/groep`: haar aandeel onder de geselecteerden min haar aandeel onder de sollicitanten; 0 is gelijk. Als deel `dimensie/groep/ratio` het deel van de groep dat geselecteerd wordt, gedeeld door dat van alle anderen samen, binnen vacatures. De KPI zelf is de groep die het verst achterblijft. Nadelig (niet gehaald) alleen als het hele bereik van de verhouding onder 0,8 ligt. Vergeleken met de handmatige keuzes van voor de livegang. Alleen uit aantallen, nooit naast een persoon."
*/
-- Selected (total) and applied (n) per group. The parts are JSON: ["gender","f"].
SELECT
  day, use_case, team, segment, assisted, to_json([dimension, "group"])::VARCHAR AS part,
  coalesce(sum("count") FILTER (WHERE stage = 'selected'), 0) AS total,
  NULL AS weight, NULL AS squares,
  coalesce(sum("count") FILTER (WHERE stage = 'applied'), 0) AS n
FROM selection_counts
WHERE stage IN ('applied', 'selected')
GROUP BY ALL
