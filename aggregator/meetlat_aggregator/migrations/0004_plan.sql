-- The plan, each version of it as it was taken, and what became different from one to the next. A
-- version without text is the time in which there was no plan.
CREATE TABLE plan_versions (
  version BIGINT, seen_at TIMESTAMP, digest VARCHAR, plan VARCHAR, in_force BOOLEAN
);
CREATE TABLE plan_changes (
  version BIGINT, kind VARCHAR, path VARCHAR, since DATE, before JSON, after JSON
);

-- The last value of each KPI, as /metrics shows it.
CREATE TABLE kpi_current (
  use_case VARCHAR, kpi VARCHAR, value DOUBLE, target DOUBLE, baseline DOUBLE, n BIGINT
);

-- Which plan, on which day, the published tables show.
ALTER TABLE publication ADD COLUMN plan VARCHAR;
