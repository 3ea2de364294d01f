-- What FastStream and Quix Streams keep: calls per hour, tool, model and status.
CREATE TABLE IF NOT EXISTS hourly (
  hour TIMESTAMP, use_case VARCHAR, tool VARCHAR, team VARCHAR, model VARCHAR, status VARCHAR,
  requests BIGINT, duration DOUBLE, input_tokens BIGINT, output_tokens BIGINT, cost DOUBLE,
  PRIMARY KEY (hour, use_case, tool, team, model, status)
);
INSERT INTO hourly
SELECT
  date_trunc('hour', "time"::TIMESTAMP), use_case, tool, team, model, status,
  count(*), sum(duration), sum(input_tokens), sum(output_tokens), sum(cost::DOUBLE)
FROM rows GROUP BY ALL
ON CONFLICT DO UPDATE SET
  requests = requests + excluded.requests, duration = duration + excluded.duration,
  input_tokens = input_tokens + excluded.input_tokens,
  output_tokens = output_tokens + excluded.output_tokens, cost = cost + excluded.cost
;
CREATE TABLE IF NOT EXISTS windows (
  start TIMESTAMP, "group" VARCHAR, requests BIGINT, duration DOUBLE, input_tokens BIGINT,
  output_tokens BIGINT, cost DOUBLE, PRIMARY KEY (start, "group")
);
INSERT OR REPLACE INTO windows SELECT epoch_ms(start), * EXCLUDE (start) FROM rows
