/*
id = "token_saving"
level = 1
unit = "share"
better = "higher"
shape = "composed"
looks_back = true
inputs = ["interactions_hourly", "reviews_daily", "plan_reference_prompts"]
guards = [
  "shown only while accuracy holds: both versions need 20 random checks, and the new one may not be clearly less right",
  "the same tool and model, both at today's prices: a cheaper model or a new price is no better prompt",
  "no percentage below 20 calls",
]
target = {low = 0.30, high = 0.50, origin = "article"}

[title]
en = "Tokens saved by better prompts"
nl = "Tokenbesparing door betere prompts"

[question]
en = "What do better prompts save?"
nl = "Wat besparen geoptimaliseerde prompts?"

[definition]
en = "One minus the cost of a call with the newest version of the prompt, divided by that of a call with the reference version that the plan names: of the same tool and model, both at today's prices, models weighed by the calls of the period. The newest version is the one that was first called last, of those in the period; the reference version counts over all days up to the period's end. Not shown when the newest version is clearly less often right than the reference, or when either has fewer than 20 random checks."
nl = "Eén min de kosten van een aanroep met de nieuwste versie van de prompt, gedeeld door die van een aanroep met de referentieversie die het plan noemt: van dezelfde tool en hetzelfde model, beide tegen de prijzen van vandaag, modellen gewogen naar de aanroepen van de periode. De nieuwste versie is die welke het laatst voor het eerst is aangeroepen, van die in de periode; de referentieversie telt over alle dagen tot het einde van de periode. Niet getoond als de nieuwste versie duidelijk minder vaak juist is dan de referentie, of als een van beide minder dan 20 aselecte controles heeft."
*/
-- What is paid for, per model and version: tokens of each kind, calls (n, and total for what a call
-- costs) and seconds. Beside it the checks of each version, as accuracy counts them. The parts are
-- JSON: ["input", tool, provider, model, version].
WITH calls AS (
  SELECT i.* FROM interactions_hourly AS i
  WHERE (i.use_case, i.tool) IN (SELECT (use_case, tool) FROM plan_reference_prompts)
    AND i.status <> 'cancelled' AND i.usage_requests > 0 AND i.prompt_version <> ''
),
paid AS (
  SELECT
    hour, use_case, tool, provider, model, prompt_version,
    unnest(['input', 'output', 'cache_read', 'cache_write', 'per_request', 'per_second']) AS kind,
    unnest([
      input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, usage_requests,
      duration_sum / 1e6
    ]::DOUBLE[]) AS total,
    usage_requests AS n
  FROM calls
)
SELECT
  local_day(hour) AS day, use_case, '' AS team, '' AS segment,
  to_json([kind, tool, provider, model, prompt_version])::VARCHAR AS part,
  sum(total) AS total, NULL AS weight, NULL AS squares, sum(n) AS n
FROM paid
GROUP BY ALL
UNION ALL
SELECT
  day, use_case, '', '', to_json(['accuracy', tool, prompt_version])::VARCHAR,
  sum(correct / sampling_rate::DOUBLE), sum(correct_count / sampling_rate::DOUBLE),
  sum(correct_count / (sampling_rate::DOUBLE * sampling_rate::DOUBLE)), sum(correct_count)
FROM reviews_daily
WHERE sampled = 'true' AND sampling_rate > 0 AND correct_count > 0
  AND (use_case, tool) IN (SELECT (use_case, tool) FROM plan_reference_prompts)
GROUP BY ALL
