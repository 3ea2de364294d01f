-- What people read. `cut` is not shown: it is told by which of team and segment are ''.
CREATE OR REPLACE TABLE published.kpi_values (
  period VARCHAR, start TIMESTAMP, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  kpi VARCHAR, value DOUBLE, value_date DATE, low DOUBLE, high DOUBLE, n BIGINT, unit VARCHAR,
  currency VARCHAR, baseline DOUBLE, baseline_n BIGINT, target_low DOUBLE, target_high DOUBLE,
  improvement DOUBLE, improvement_low DOUBLE, improvement_high DOUBLE, basis VARCHAR,
  phase VARCHAR, status VARCHAR, closed BOOLEAN, as_of TIMESTAMP, counted DOUBLE,
  compared_value DOUBLE, compared_share DOUBLE, control_change DOUBLE, remark VARCHAR,
  remark_nl VARCHAR
);
CREATE OR REPLACE TABLE published.baselines (
  use_case VARCHAR, kpi VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR, cut VARCHAR, value DOUBLE,
  low DOUBLE, high DOUBLE, n BIGINT, source VARCHAR, since DATE, until DATE
);
