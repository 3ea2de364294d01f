-- The figures of truth.py, from the published tables, up to the end of the simulated history.
-- Parameter: $end, Monday 00:00 UTC. `exact` and `seconds` (of microseconds) are decimals: no
-- figure may pass through a binary float.
WITH calls AS (
  SELECT * FROM interactions_hourly WHERE hour < $end
),
feedback AS (
  SELECT * FROM feedback_daily WHERE day < $end::DATE
),
reviews AS (
  SELECT * FROM reviews_daily WHERE day < $end::DATE
),
probes AS (
  SELECT * FROM probes_hourly WHERE hour < $end
),
tasks AS (
  SELECT *, process || CASE WHEN assisted = 'true' THEN ': with AI' ELSE ': by hand' END AS name
  FROM tasks_daily WHERE day < $end::DATE AND step = ''
),
finished AS (
  SELECT * FROM tasks WHERE state = 'finished'
),
steps AS (
  SELECT *, process || ', ' || step AS name
  FROM tasks_daily WHERE day < $end::DATE AND step <> '' AND state = 'finished'
),
talks AS (
  SELECT * FROM conversations_daily WHERE day < $end::DATE
),
people AS (
  SELECT * FROM user_weeks WHERE week < $end::DATE
),
health AS (
  SELECT source.replace('/demo/', '') AS tool, counted, duplicate, late, void
  FROM data_health WHERE hour < $end AND source LIKE '/demo/%'
),
mishaps AS (
  SELECT (SELECT any_value(c.use_case) FROM calls AS c WHERE c.tool = h.tool) AS use_case, h.*
  FROM health AS h
)
SELECT use_case, figure, sum(value) AS value FROM (
  SELECT use_case, 'calls' AS figure, exact(requests) AS value FROM calls
  UNION ALL SELECT use_case, 'calls that failed', exact(requests) FROM calls
    WHERE status IN ('error', 'timeout')
  UNION ALL SELECT use_case, 'calls in time', exact(on_time) FROM calls
  UNION ALL SELECT use_case, 'waiting for answers, s', seconds(duration_sum) FROM calls
  UNION ALL SELECT use_case, 'waiting for first words, s', seconds(first_token_sum) FROM calls
  UNION ALL SELECT use_case, 'tokens in', exact(input_tokens) FROM calls
  UNION ALL SELECT use_case, 'tokens from cache', exact(cache_read_tokens) FROM calls
  UNION ALL SELECT use_case, 'tokens to cache', exact(cache_write_tokens) FROM calls
  UNION ALL SELECT use_case, 'tokens out', exact(output_tokens) FROM calls
  UNION ALL SELECT use_case, 'priced calls', exact(priced_requests) FROM calls
  UNION ALL SELECT use_case, 'cost, ' || currency, exact(cost) FROM calls WHERE currency <> ''
  UNION ALL SELECT use_case, 'calls without a price', exact(unpriced_requests) FROM calls
  UNION ALL SELECT use_case, 'conversations', exact(conversations) FROM talks
  UNION ALL SELECT use_case, 'conversations handed over', exact(handed_over) FROM talks
  UNION ALL SELECT use_case, 'solved by the bot', exact(resolved_by_bot) FROM talks
  UNION ALL SELECT use_case, 'handed over to people', exact(escalations) FROM escalations_daily
    WHERE day < $end::DATE
  UNION ALL SELECT use_case, 'people, added up over weeks', exact(people) FROM people
  UNION ALL SELECT use_case, 'uses in complete weeks', exact(uses) FROM people
  UNION ALL SELECT use_case, 'features used', exact(uses) FROM usage_daily WHERE day < $end::DATE
  UNION ALL SELECT use_case, 'invitations, ' || kind, exact(asked) FROM feedback
  UNION ALL SELECT use_case, 'scores, ' || kind, exact(scores) FROM feedback
  UNION ALL SELECT use_case, 'sum of scores, ' || kind, exact(score_sum) FROM feedback
  UNION ALL SELECT use_case, 'outputs checked', exact(reviews) FROM reviews
  UNION ALL SELECT use_case, 'outputs found right', exact(correct) FROM reviews
  UNION ALL SELECT use_case, 'reworking outputs, s', seconds(rework_sum) FROM reviews
  UNION ALL SELECT use_case, 'availability checks', exact(probes) FROM probes
  UNION ALL SELECT use_case, 'out of order, s', seconds(downtime) FROM probes
  UNION ALL SELECT use_case, 'people ' || stage, exact(count) FROM selection_counts WHERE day < $end::DATE
  UNION ALL SELECT use_case, 'questions about the tool', exact(requests) FROM support_daily
    WHERE day < $end::DATE
  UNION ALL SELECT use_case, 'reported: ' || name, exact(value_sum) FROM measurements_daily
    WHERE day < $end::DATE
  UNION ALL SELECT use_case, process || ': still open', exact(tasks) FROM tasks
    WHERE state = 'open'
  UNION ALL SELECT use_case, name, exact(tasks) FROM finished
  UNION ALL SELECT use_case, name || ', work, s', seconds(handling_sum) FROM finished
  UNION ALL SELECT use_case, name || ', request to end, s', seconds(lead_time_sum) FROM finished
  UNION ALL SELECT use_case, process || ': errors', exact(errors_sum) FROM finished
  UNION ALL SELECT use_case, process || ': value won, ' || currency, exact(value_sum) FROM finished
    WHERE outcome = 'won' AND currency <> ''
  UNION ALL SELECT use_case, name, exact(tasks) FROM steps
  UNION ALL SELECT use_case, name || ', work, s', seconds(handling_sum) FROM steps
  UNION ALL SELECT use_case, 'events counted', exact(counted) FROM mishaps
  UNION ALL SELECT use_case, 'sent twice, not counted again', exact(duplicate) FROM mishaps
  UNION ALL SELECT use_case, 'weeks late, not counted', exact(late) FROM mishaps
  UNION ALL SELECT use_case, 'withdrawn', exact(void) FROM mishaps
  UNION ALL SELECT 'all', 'broken, dead letters', exact(dead) FROM data_health
) AS figures
GROUP BY ALL
HAVING sum(value) <> 0
