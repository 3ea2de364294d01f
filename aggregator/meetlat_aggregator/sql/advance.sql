UPDATE progress SET
  batches = batches + 1,
  records = records + $records,
  watermark = greatest(watermark, (SELECT max(append_time) FROM judged)),
  poison = $poison,
  committed_at = $committed_at
