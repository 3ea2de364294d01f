-- From when on a time zone is how many microseconds ahead of UTC. Clocks change at full quarters of
-- an hour.
SELECT moment, ahead FROM (
  SELECT moment, ahead, lag(ahead) OVER (ORDER BY moment) AS before
  FROM (
    SELECT moment,
      epoch_us((moment AT TIME ZONE 'UTC') AT TIME ZONE $timezone) - epoch_us(moment) AS ahead
    FROM (
      SELECT unnest(generate_series(
        $first::TIMESTAMP, $last::TIMESTAMP, INTERVAL 15 MINUTE
      )) AS moment
    )
  )
)
WHERE before IS DISTINCT FROM ahead
ORDER BY moment
