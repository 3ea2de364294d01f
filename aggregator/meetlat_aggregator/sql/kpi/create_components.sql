-- What KPIs are made of, per local day; an absent dimension is ''.
CREATE OR REPLACE TABLE published.kpi_components (
  kpi VARCHAR, day DATE, use_case VARCHAR DEFAULT '', team VARCHAR DEFAULT '',
  segment VARCHAR DEFAULT '', part VARCHAR DEFAULT '', assisted VARCHAR DEFAULT '',
  n DOUBLE, total DOUBLE, weight DOUBLE, squares DOUBLE
);
CREATE OR REPLACE TABLE published.kpi_buckets (
  kpi VARCHAR, day DATE, use_case VARCHAR DEFAULT '', team VARCHAR DEFAULT '',
  segment VARCHAR DEFAULT '', part VARCHAR DEFAULT '', assisted VARCHAR DEFAULT '',
  bucket INTEGER, count BIGINT
);
