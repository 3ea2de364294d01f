-- The distinct dimensions of the staged calls; an absent one is '', never NULL.
CREATE OR REPLACE TEMP TABLE call_cells AS
SELECT
  cell, hour,
  said(use_case) AS use_case, said(tool) AS tool, said(feature) AS feature, said(team) AS team,
  said(segment) AS segment, said(provider) AS provider, said(model) AS model,
  said(operation) AS operation, said(prompt_version) AS prompt_version, said(status) AS status,
  said(error_type) AS error_type, said(currency) AS currency
FROM dimensions
