-- Log buckets of waits, as waits.py makes them; zero is bucket -1.
SELECT
  c.hour, c.use_case, c.tool, c.feature, c.team, c.segment, c.model, c.operation,
  c.prompt_version, c.status, e.measure, e.bucket::INTEGER AS bucket, sum(e.sign * e.count)::BIGINT AS count
FROM staged_waits AS e JOIN call_cells AS c ON c.cell = e.cell
GROUP BY ALL
