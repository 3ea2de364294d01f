-- The first day of what is counted by week.
SELECT least((SELECT min(day) FROM published.tasks_daily), (SELECT min(week) FROM published.user_weeks))
