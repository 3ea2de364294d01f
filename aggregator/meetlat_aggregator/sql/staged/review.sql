-- Checks with their exact measures.
SELECT
  *,
  microseconds(rework) AS rework_us,
  correctness::DECIMAL(19, 6) AS correctness_exact,
  quality::DECIMAL(19, 6) AS quality_exact,
  completeness::DECIMAL(19, 6) AS completeness_exact,
  customer_focus::DECIMAL(19, 6) AS customer_focus_exact
FROM staged
