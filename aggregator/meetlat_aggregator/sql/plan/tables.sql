-- The plan as relations, for the KPIs' SQL. `until` is exclusive, NULL while the row is in force; the
-- days of a baseline window are both included.
CREATE OR REPLACE TEMP TABLE plan_use_cases (
  use_case VARCHAR, pack VARCHAR, process VARCHAR, go_live DATE, baseline_from DATE,
  baseline_until DATE, review DATE, control_team VARCHAR, hours VARCHAR
);
CREATE OR REPLACE TEMP TABLE plan_tools (tool VARCHAR, use_case VARCHAR);
CREATE OR REPLACE TEMP TABLE plan_features (use_case VARCHAR, feature VARCHAR);
CREATE OR REPLACE TEMP TABLE plan_segments (use_case VARCHAR, segment VARCHAR);
CREATE OR REPLACE TEMP TABLE plan_use_case_teams (use_case VARCHAR, team VARCHAR);
CREATE OR REPLACE TEMP TABLE plan_reference_prompts (
  use_case VARCHAR, tool VARCHAR, prompt_version VARCHAR
);
CREATE OR REPLACE TEMP TABLE plan_people (
  team VARCHAR, since DATE, until DATE, people BIGINT, entitled BIGINT
);
CREATE OR REPLACE TEMP TABLE plan_cost (team VARCHAR, since DATE, until DATE, hourly DECIMAL(18, 9));
CREATE OR REPLACE TEMP TABLE plan_regular (use_case VARCHAR, since DATE, until DATE, uses BIGINT);
CREATE OR REPLACE TEMP TABLE plan_limits (
  use_case VARCHAR, operation VARCHAR, since DATE, until DATE, seconds DOUBLE
);
-- A local day: when it starts (UTC), when work begins and ends in microseconds after that start
-- (0 and 0 on a day off), and how much working time there is from 2000 on before it.
CREATE OR REPLACE TEMP TABLE calendar_days (
  day DATE, starts TIMESTAMP, opens_us BIGINT, closes_us BIGINT, before_us BIGINT
);
