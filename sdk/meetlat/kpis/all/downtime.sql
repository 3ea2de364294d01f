/*
id = "downtime"
level = 1
unit = "min"
better = "lower"
shape = "sum"
hourly = true
minimum = 1
inputs = ["probes_hourly"]
guards = ["without probes it is unknown, never 0 minutes", "grows with the length of the period: compare periods of one length"]

[title]
en = "Downtime"
nl = "Uitvaltijd"

[question]
en = "How many minutes was the system down?"
nl = "Hoeveel minuten lag het systeem eruit?"

[definition]
en = "The minutes that failed probes stand for, added up over the tools of the use case; each tool is a part as well. Probed from several places, a tool is down when most of them fail, judged per hour; with several checks, its worst check in that hour counts. Left out: planned maintenance, time without probes, and probes that name no interval."
nl = "De minuten waarvoor mislukte controles staan, opgeteld over de systemen van de use case; elk systeem is ook een eigen deel. Bij controles vanaf meerdere plaatsen is een systeem uit de lucht als de meeste mislukken, beoordeeld per uur; bij meerdere soorten controles telt de slechtste van dat uur. Niet meegeteld: gepland onderhoud, tijd zonder controles en controles die geen interval noemen."
*/
-- Minutes that failed probes stand for.
WITH checks AS (
  -- One check at one place in an hour, in seconds.
  SELECT hour, use_case, tool, "check", location, sum(covered) / 1e6 AS covered,
    sum(downtime) / 1e6 AS down, sum(interval_count) AS probes
  FROM probes_hourly
  WHERE maintenance = 'false'
  GROUP BY ALL
  HAVING sum(covered) > 0
),
places AS (
  -- Most places are more than half: the place in the middle says how long they saw it down.
  SELECT * FROM checks
  QUALIFY row_number() OVER (
    PARTITION BY hour, use_case, tool, "check" ORDER BY down / covered DESC, location
  ) = count(*) OVER (PARTITION BY hour, use_case, tool, "check") // 2 + 1
),
tools AS (
  -- A tool is as far down as its worst check.
  SELECT * FROM places
  QUALIFY row_number() OVER (
    PARTITION BY hour, use_case, tool ORDER BY down / covered DESC, "check"
  ) = 1
),
parts AS (
  SELECT hour, use_case, unnest(['', tool]) AS part, covered, down, probes FROM tools
)
SELECT hour, use_case, '' AS team, '' AS segment, part,
  sum(down) / 60 AS total, sum(probes) AS n
FROM parts
GROUP BY ALL
