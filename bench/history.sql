-- A company's past, written straight into the live database: $events events in `hours` hours up to
-- `until`, of the mix in mix.py, as the aggregator would have left them. Variables: events, hours,
-- until, people, use_cases, teams, tasks (per mille of the events). Random values are hashes, so it is the same
-- each time. Every interaction and first-token wait is drawn, since the rows of the histogram
-- depend on how they fall.

CREATE TEMP MACRO pick(i, salt, n) AS (hash(i, salt) % n)::INTEGER;
CREATE TEMP MACRO uniform(i, salt) AS ((hash(i, salt) >> 11)::DOUBLE + 1) / 9007199254740994.0;
CREATE TEMP MACRO normal(i, salt) AS
  sqrt(-2 * ln(uniform(i, salt))) * cos(2 * pi() * uniform(i, salt + 1));
CREATE TEMP MACRO begun() AS getvariable('until') - to_hours(getvariable('hours'));
-- Event i of n, evenly over the past.
CREATE TEMP MACRO moment(i, n) AS
  begun() + to_microseconds((getvariable('hours')::DOUBLE * 3600e6 * i / n)::BIGINT);
CREATE TEMP MACRO share(per_mille) AS getvariable('events')::BIGINT * per_mille // 1000;
CREATE TEMP MACRO uuid_of(i, salt) AS
  format('{:08x}-{:04x}-7{:03x}-8{:03x}-{:012x}', i, pick(i, salt, 65536), pick(i, salt + 1, 4096),
    pick(i, salt + 2, 4096), hash(i, salt + 3) % 281474976710656);
CREATE TEMP MACRO use_case_of(i, salt) AS 'use-case-' || pick(i, salt, getvariable('use_cases'));
CREATE TEMP MACRO tool_of(i, salt) AS 'tool-' || pick(i, salt, getvariable('use_cases'));
CREATE TEMP MACRO team_of(i, salt) AS 'team-' || pick(i, salt, getvariable('teams'));
CREATE TEMP MACRO model_of(i, salt) AS
  CASE pick(i, salt, 3) WHEN 0 THEN 'gpt-4o' WHEN 1 THEN 'gpt-4o-mini' ELSE 'gpt-4.1' END;
CREATE TEMP MACRO source_of(i, salt) AS '/shop/backend-' || pick(i, salt, 4);
CREATE TEMP MACRO user_of(i, salt) AS
  format('u_{:032x}', hash(pick(i, salt, getvariable('people')), 7)::UHUGEINT * 9223372036854775807);
CREATE TEMP MACRO log_bucket(microseconds) AS
  ceil(ln(microseconds) / ln(1.01 / 0.99))::INTEGER;

-- Calls, a slice of the past at a time: $first to $last of share(700).
-- slice
CREATE OR REPLACE TEMP TABLE calls AS
SELECT
  date_trunc('hour', moment(i, share(700))) AS hour,
  pick(i, 1, getvariable('use_cases'))::UTINYINT AS use_case,
  pick(i, 2, getvariable('teams'))::UTINYINT AS team,
  pick(i, 3, 3)::UTINYINT AS model, pick(i, 4, 100) < 98 AS ok,
  (exp(0.8 * normal(i, 5)) * 1e6)::BIGINT AS duration,
  CASE WHEN pick(i, 7, 2) = 0 THEN (exp(0.5 * normal(i, 8) - 1) * 1e6)::BIGINT END AS first_token,
  100 + pick(i, 10, 3900) AS input_tokens, 10 + pick(i, 11, 790) AS output_tokens,
  (pick(i, 12, 1000000) / 1e9)::DECIMAL(18, 9) AS cost
FROM range($first, $last) AS r(i);
-- slice
INSERT INTO interactions_hourly
SELECT
  hour, 'use-case-' || use_case, 'tool-' || use_case, '', 'team-' || team, '', 'openai',
  ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1'][model + 1], 'chat', '', CASE WHEN ok THEN 'ok' ELSE 'error' END,
  '', 'EUR',
  count(*), count(CASE WHEN ok AND duration <= 3000000 THEN 1 END),
  sum(duration), count(*), sum(duration::HUGEINT * duration),
  coalesce(sum(first_token), 0), count(first_token),
  coalesce(sum(first_token::HUGEINT * first_token), 0),
  sum(input_tokens), 0, 0, sum(output_tokens), 0,
  sum((input_tokens + output_tokens)::HUGEINT * (input_tokens + output_tokens)), count(*),
  sum(cost), sum(cost * cost), count(*), 0, 0, 0
FROM calls GROUP BY hour, use_case, team, model, ok ORDER BY hour;
-- slice
INSERT INTO duration_histogram
SELECT
  hour, 'use-case-' || use_case, 'tool-' || use_case, '', 'team-' || team, '',
  ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1'][model + 1], 'chat', '', CASE WHEN ok THEN 'ok' ELSE 'error' END,
  measure, bucket, count
FROM (
  SELECT hour, use_case, team, model, ok, 'duration' AS measure, log_bucket(duration) AS bucket,
    count(*) AS count
  FROM calls GROUP BY ALL
  UNION ALL
  SELECT hour, use_case, team, model, ok, 'first_token', log_bucket(first_token), count(*)
  FROM calls WHERE first_token IS NOT NULL GROUP BY ALL
) ORDER BY hour;

INSERT INTO escalations_hourly
SELECT date_trunc('hour', moment(i, share(40))) AS hour, 'use-case-' || u, 'tool-' || u, '',
  team_of(i, 22), '', ['no_answer', 'user_request', 'low_confidence'][pick(i, 23, 3) + 1], '',
  count(*)
FROM (SELECT i, pick(i, 21, getvariable('use_cases')) AS u FROM range(share(40)) AS r(i)) GROUP BY ALL ORDER BY hour;
INSERT INTO usage_hourly
SELECT date_trunc('hour', moment(i, share(50))) AS hour, 'use-case-' || u, 'tool-' || u,
  'feature-' || pick(i, 32, 12), team_of(i, 33), '', 'copied', '', count(*), count(*)
FROM (SELECT i, pick(i, 31, getvariable('use_cases')) AS u FROM range(share(50)) AS r(i)) GROUP BY ALL ORDER BY hour;
INSERT INTO feedback_hourly
SELECT date_trunc('hour', moment(i, share(40))) AS hour, 'use-case-' || u, 'tool-' || u, '',
  team_of(i, 42), '', 'csat', '', '', '', 1, 5, count(*), 0, count(*), 0,
  sum(1 + pick(i, 43, 5)), sum((1 + pick(i, 43, 5)) * (1 + pick(i, 43, 5)))
FROM (SELECT i, pick(i, 41, getvariable('use_cases')) AS u FROM range(share(40)) AS r(i)) GROUP BY ALL ORDER BY hour;
INSERT INTO reviews_hourly
SELECT date_trunc('hour', moment(i, share(20))) AS hour, 'use-case-' || u, 'tool-' || u, '',
  team_of(i, 52), '', '', 'true', 0.05, '', count(*), count(CASE WHEN pick(i, 53, 10) < 9 THEN 1 END),
  count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
FROM (SELECT i, pick(i, 51, getvariable('use_cases')) AS u FROM range(share(20)) AS r(i)) GROUP BY ALL ORDER BY hour;
INSERT INTO probes_hourly
SELECT date_trunc('hour', moment(i, share(30))) AS hour, 'use-case-' || u, 'tool-' || u, '', '',
  'false', '', count(*), count(*), 0, count(*) * 30000000, 0, count(*), count(*) * 210000, count(*),
  count(*)::HUGEINT * 44100000000
FROM (SELECT i, pick(i, 61, getvariable('use_cases')) AS u FROM range(share(30)) AS r(i)) GROUP BY ALL ORDER BY hour;
INSERT INTO measurements_hourly
SELECT date_trunc('hour', moment(i, share(10))) AS hour, 'use-case-' || u, 'tool-' || u,
  team_of(i, 72), '', 'orders', '', '', count(*), sum(1 + pick(i, 73, 89)),
  sum((1 + pick(i, 73, 89)) * (1 + pick(i, 73, 89)))
FROM (SELECT i, pick(i, 71, getvariable('use_cases')) AS u FROM range(share(10)) AS r(i)) GROUP BY ALL ORDER BY hour;
INSERT INTO support_hourly
SELECT date_trunc('hour', moment(i, share(10))) AS hour, 'use-case-' || u, 'tool-' || u, '',
  team_of(i, 82), '', 'login', count(*)
FROM (SELECT i, pick(i, 81, getvariable('use_cases')) AS u FROM range(share(10)) AS r(i)) GROUP BY ALL ORDER BY hour;
INSERT INTO health_hourly
SELECT begun() + to_hours(h) AS hour, '/shop/backend-' || b, getvariable('events') // hours // 4,
  getvariable('events') // hours // 4, 0, 0, 0, 0, 0
FROM (SELECT getvariable('hours') AS hours), range(getvariable('hours')) AS t(h), range(4) AS s(b)
ORDER BY hour;

-- Row-level state: a conversation for every 6.5 events that name one, of 5 turns.
INSERT INTO conversations
SELECT
  uuid_of(i, 101), told, told + INTERVAL 4 MINUTE, 5, CASE WHEN pick(i, 102, 4) = 0 THEN 1 ELSE 0 END, 0,
  {'t': told, 's': s, 'i': id, 'v': 'use-case-' || u}::text_register,
  {'t': told, 's': s, 'i': id, 'v': 'tool-' || u}::text_register,
  NULL,
  {'t': told, 's': s, 'i': id, 'v': team_of(i, 103)}::text_register,
  NULL, NULL,
  CASE WHEN resolved THEN {'t': told, 's': s, 'i': id, 'v': false}::flag_register END,
  CASE WHEN resolved
    THEN {'t': told, 's': s, 'i': id, 'v': {'outcome': 'resolved', 'by': 'bot'}}::outcome_register END
FROM (
  SELECT i, moment(i, share(140)) AS told, source_of(i, 104) AS s, uuid_of(i, 105) AS id,
    pick(i, 109, getvariable('use_cases')) AS u, pick(i, 110, 4) = 0 AS resolved
  FROM range(share(140)) AS r(i)
);
INSERT INTO uses
SELECT 'use-case-' || pick(i, 109, getvariable('use_cases')), team_of(i, 103), user_of(i, 111), uuid_of(i, 101), '',
  moment(i, share(140)), 5
FROM range(share(140)) AS r(i);
INSERT INTO uses
SELECT 'use-case-' || pick(i, 112, getvariable('use_cases')), team_of(i, 113), user_of(i, 114),
  uuid_of(share(140)::BIGINT * i // share(50), 101), 'feature-' || pick(i, 115, 12), moment(i, share(50)), 1
FROM range(share(50)) AS r(i);
-- Tasks, each of 1.5 updates.
INSERT INTO tasks
SELECT
  'use-case-' || pick(i, 121, getvariable('use_cases')), 'quote', '', format('Q-{:09d}-{}', i, pick(i, 122, 4)), told, told, 1,
  {'t': told, 's': s, 'i': id, 'v': 'tool-' || pick(i, 121, getvariable('use_cases'))}, NULL,
  {'t': told, 's': s, 'i': id, 'v': team_of(i, 123)},
  {'t': told, 's': s, 'i': id, 'v': CASE WHEN pick(i, 124, 2) = 0 THEN 'standard' ELSE 'complex' END},
  {'t': told, 's': s, 'i': id, 'v': pick(i, 125, 10) < 6}, NULL,
  NULL, {'t': told, 's': s, 'i': id, 'v': told - to_minutes(pick(i, 126, 2880))}, NULL,
  {'t': told, 's': s, 'i': id, 'v': told}, NULL,
  {'t': told, 's': s, 'i': id, 'v': (60 + pick(i, 127, 9000)) * 1000000::BIGINT}, NULL, NULL,
  {'t': told, 's': s, 'i': id, 'v': pick(i, 128, 4)}, {'t': told, 's': s, 'i': id, 'v': pick(i, 129, 3)},
  NULL, NULL, NULL, NULL,
  {'t': told, 's': s, 'i': id, 'v': CASE WHEN pick(i, 130, 2) = 0 THEN 'won' ELSE 'lost' END},
  {'t': told, 's': s, 'i': id, 'v': {'amount': (100 + pick(i, 131, 90000))::DECIMAL(21, 9),
    'currency': 'EUR'}}
FROM (
  SELECT i, moment(i, share(getvariable('tasks'))) AS told, source_of(i, 132) AS s, uuid_of(i, 133) AS id
  FROM range(share(getvariable('tasks'))) AS r(i)
);
INSERT INTO last_probes
SELECT 'tool-' || u, '', {'t': getvariable('until'), 's': '/shop/backend-0', 'i': uuid_of(u, 140),
  'v': {'success': true, 'duration': 210000}}
FROM range(getvariable('use_cases')) AS t(u);

-- Identities of the last seven days.
INSERT INTO seen
SELECT told, md5_number(i::VARCHAR), told + INTERVAL 1 SECOND
FROM (
  SELECT i, getvariable('until') - to_microseconds((7 * 86400e6 * (n - i) / n)::BIGINT) AS told
  FROM (SELECT (getvariable('events')::BIGINT * 168 / getvariable('hours'))::BIGINT AS n) AS c,
    range((getvariable('events')::BIGINT * 168 / getvariable('hours'))::BIGINT) AS r(i)
);
-- A file an hour, since an hour has fewer events than a file takes. Their names are all there is.
INSERT INTO archive_files
SELECT
  strftime(begun() + to_hours(h), '%Y/%m/%d/') || format('{:012d}-{:012d}.parquet', h * 7200 + 1, (h + 1) * 7200),
  h * 7200 + 1, (h + 1) * 7200, getvariable('events') // getvariable('hours'),
  getvariable('events') // getvariable('hours') * 70,
  begun() + to_hours(h), begun() + to_hours(h + 1), begun() + to_hours(h), begun() + to_hours(h + 1)
FROM range(getvariable('hours')) AS t(h);
UPDATE progress SET
  batches = getvariable('hours') * 7200, records = getvariable('events'),
  watermark = getvariable('until'), seen_from = getvariable('until') - INTERVAL 7 DAY - INTERVAL 10 MINUTE,
  committed_at = getvariable('until');
