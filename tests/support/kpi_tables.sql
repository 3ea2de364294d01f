-- The KPI tables of a published file, as the aggregator makes them; for tests of what reads them.
CREATE OR REPLACE TABLE kpi_values (
  period VARCHAR, start TIMESTAMP, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  kpi VARCHAR, value DOUBLE, value_date DATE, low DOUBLE, high DOUBLE, n BIGINT, unit VARCHAR,
  currency VARCHAR, baseline DOUBLE, baseline_n BIGINT, target_low DOUBLE, target_high DOUBLE,
  improvement DOUBLE, improvement_low DOUBLE, improvement_high DOUBLE, basis VARCHAR,
  phase VARCHAR, status VARCHAR, closed BOOLEAN, as_of TIMESTAMP, counted DOUBLE,
  compared_value DOUBLE, compared_share DOUBLE, control_change DOUBLE, remark VARCHAR,
  remark_nl VARCHAR
);
COMMENT ON TABLE kpi_values IS 'Every KPI per period';
COMMENT ON COLUMN kpi_values.value IS 'The value, in the unit';
COMMENT ON COLUMN kpi_values.n IS 'Observations the value rests on';
CREATE OR REPLACE TABLE kpi_catalog (
  kpi VARCHAR, level INTEGER, pack VARCHAR, unit VARCHAR, better VARCHAR, title_en VARCHAR,
  title_nl VARCHAR, question_en VARCHAR, question_nl VARCHAR, definition_en VARCHAR,
  definition_nl VARCHAR, target_low DOUBLE, target_high DOUBLE, target_kind VARCHAR,
  target_origin VARCHAR, minimum INTEGER, sql VARCHAR
);
COMMENT ON TABLE kpi_catalog IS 'Every KPI and what it means';
CREATE OR REPLACE TABLE use_cases (
  use_case VARCHAR, name VARCHAR, pack VARCHAR, process VARCHAR, go_live DATE, review DATE,
  owner VARCHAR, phase VARCHAR
);
CREATE OR REPLACE TABLE targets (
  use_case VARCHAR, kpi VARCHAR, target_low DOUBLE, target_high DOUBLE, kind VARCHAR,
  decision VARCHAR, phases VARCHAR
);
CREATE OR REPLACE TABLE baselines (
  use_case VARCHAR, kpi VARCHAR, segment VARCHAR, team VARCHAR, part VARCHAR, value DOUBLE,
  low DOUBLE, high DOUBLE, n BIGINT, source VARCHAR
);
CREATE OR REPLACE TABLE investments (
  use_case VARCHAR, name VARCHAR, kind VARCHAR, amount DECIMAL(18, 9), currency VARCHAR
);
CREATE OR REPLACE TABLE kpi_components (
  kpi VARCHAR, day DATE, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  assisted VARCHAR, n DOUBLE, total DOUBLE, weight DOUBLE, squares DOUBLE
);
CREATE OR REPLACE TABLE kpi_buckets (
  kpi VARCHAR, day DATE, use_case VARCHAR, team VARCHAR, segment VARCHAR, part VARCHAR,
  assisted VARCHAR, bucket INTEGER, count BIGINT
);
