MERGE INTO live_series AS t USING live_delta AS d
ON t.metric = d.metric AND t.labels = d.labels AND t.bucket = d.bucket
WHEN MATCHED THEN UPDATE SET value = t.value + d.value
WHEN NOT MATCHED THEN INSERT (metric, labels, bucket, value)
  VALUES (d.metric, d.labels, d.bucket, d.value)
