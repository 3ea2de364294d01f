-- The plan as it is published. An absent dimension is '', never NULL.
CREATE OR REPLACE TEMP TABLE shown_use_cases (
  use_case VARCHAR, name VARCHAR, pack VARCHAR, process VARCHAR, go_live DATE, baseline_from DATE,
  baseline_until DATE, review DATE, control_team VARCHAR, owner VARCHAR, hours VARCHAR,
  phase VARCHAR
);
CREATE OR REPLACE TEMP TABLE shown_kpi_catalog (
  kpi VARCHAR, level BIGINT, pack VARCHAR, unit VARCHAR, better VARCHAR, title_en VARCHAR,
  title_nl VARCHAR, question_en VARCHAR, question_nl VARCHAR, definition_en VARCHAR,
  definition_nl VARCHAR, target_low DOUBLE, target_high DOUBLE, target_kind VARCHAR,
  target_origin VARCHAR, minimum BIGINT, sql VARCHAR
);
CREATE OR REPLACE TEMP TABLE shown_targets (
  use_case VARCHAR, kpi VARCHAR, target_low DOUBLE, target_high DOUBLE, kind VARCHAR,
  origin VARCHAR, decision VARCHAR, phases VARCHAR
);
CREATE OR REPLACE TEMP TABLE shown_investments (
  name VARCHAR, kind VARCHAR, use_case VARCHAR, since DATE, until DATE, amount DECIMAL(18, 9),
  currency VARCHAR, hours DECIMAL(18, 9), team VARCHAR, every VARCHAR, key VARCHAR, shares VARCHAR
);
CREATE OR REPLACE TEMP TABLE shown_plan_history AS
SELECT
  v.version, v.seen_at, c.kind, c.path, c.since, c.before::VARCHAR AS before,
  c.after::VARCHAR AS after
FROM plan_changes AS c JOIN plan_versions AS v USING (version);
