-- Parts per hour of the days at hand: days are made of them, and values of hours.
CREATE OR REPLACE TEMP TABLE kpi_hour_parts (
  kpi VARCHAR, hour TIMESTAMP, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  assisted VARCHAR, n DOUBLE, total DOUBLE, weight DOUBLE, squares DOUBLE
);
CREATE OR REPLACE TEMP TABLE kpi_hour_buckets (
  kpi VARCHAR, hour TIMESTAMP, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  assisted VARCHAR, bucket INTEGER, count BIGINT
);
