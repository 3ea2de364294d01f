-- How teams are shown: as before, but for the weeks whose people may have changed.
CREATE OR REPLACE TEMP TABLE teams AS
SELECT week, team, shown FROM team_shown
WHERE NOT $everything AND week NOT IN (SELECT week FROM team_weeks)
UNION ALL
SELECT week, team, shown FROM team_new
