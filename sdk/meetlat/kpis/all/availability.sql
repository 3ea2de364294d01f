/*
id = "availability"
level = 1
unit = "share"
better = "higher"
shape = "weighted"
hourly = true
minimum = 598
inputs = ["probes_hourly"]
guards = ["without probes it is unknown, never 100 %", "proven only with enough independent probes: 598 without a failure for 99.5 %; until then, the minutes of downtime over a longer period are shown", "the share of the period that probes cover is printed beside it", "probes during one outage are alike: the range is too narrow after a long one"]
target = {low = 0.995, origin = "article"}

[title]
en = "Availability"
nl = "Beschikbaarheid"

[question]
en = "How reliably is the system up?"
nl = "Hoe betrouwbaar draait het systeem?"

[definition]
en = "The share of the time covered by probes in which the tool was up. Each probe stands for the interval that it names. Probed from several places, a tool is down when most of them fail, judged per hour; with several checks, it is as far down as its worst check in that hour. Several tools of a use case count by their covered time; each is a part as well. Left out: planned maintenance, time without probes, and probes that name no interval."
nl = "Het deel van de door controles gedekte tijd waarin het systeem bereikbaar was. Elke controle staat voor het interval dat zij noemt. Bij controles vanaf meerdere plaatsen is een systeem uit de lucht als de meeste mislukken, beoordeeld per uur; bij meerdere soorten controles telt de slechtste van dat uur. Meerdere systemen van een use case tellen naar hun gedekte tijd; elk is ook een eigen deel. Niet meegeteld: gepland onderhoud, tijd zonder controles en controles die geen interval noemen."
*/
-- Seconds up / seconds covered by probes; `weight_squares` makes n of unequal intervals.
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
  sum(covered - down) AS hits, sum(covered) AS weight,
  sum(covered * covered / probes) AS weight_squares, sum(probes) AS n
FROM parts
GROUP BY ALL
