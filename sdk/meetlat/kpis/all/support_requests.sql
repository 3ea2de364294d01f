/*
id = "support_requests"
level = 4
unit = "count"
better = "lower"
shape = "ratio"
scale = 100.0
weekly = true
inputs = ["support_daily", "user_weeks"]
guards = ["fewer questions only count while use rises: stands beside usage intensity", "complete ISO weeks only", "nothing about fewer than 5 people", "no figure below 20 person-weeks"]
target = {kind = "trend", origin = "article"}

[title]
en = "Support requests per 100 users"
nl = "Support-aanvragen per 100 gebruikers"

[question]
en = "Does the tool explain itself: fewer tickets with rising use?"
nl = "Is de oplossing intuïtief: minder tickets bij stijgend gebruik?"

[definition]
en = "Questions about the AI tool itself per 100 people with at least one use, per ISO week; over a longer period, the weeks that lie in it whole, added up on both sides. Questions of teams of which no number of people is shown count for the use case as a whole. Left out: questions of customers, weeks that are not over, and weeks of a use case in which fewer than 5 people used the AI."
nl = "Vragen over de AI-tool zelf per 100 mensen die haar minstens eenmaal gebruikten, per ISO-week; over een langere periode de weken die er helemaal in liggen, aan beide kanten opgeteld. Vragen van teams waarvan geen aantal mensen wordt getoond, tellen voor de use case als geheel. Niet meegeteld: vragen van klanten, weken die nog niet voorbij zijn, en weken van een use case waarin minder dan 5 mensen de AI gebruikten."
*/
-- Questions about the tool / people with a use, in weeks of which the people are known.
SELECT week AS day, use_case, team, '' AS segment, sum(total) AS total, sum(n) AS n FROM (
  SELECT week_of(s.day) AS week, s.use_case, s.team, s.requests AS total, 0 AS n
  FROM support_daily AS s
  SEMI JOIN user_weeks AS w ON w.week = week_of(s.day) AND w.use_case = s.use_case
  UNION ALL
  SELECT week, use_case, team, 0 AS total, people AS n FROM user_weeks
)
GROUP BY ALL
