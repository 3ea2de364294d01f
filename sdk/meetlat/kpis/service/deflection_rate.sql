/*
id = "deflection_rate"
level = 3
pack = "service"
unit = "share"
better = "higher"
shape = "composed"
inputs = ["measurements_daily", "conversations_daily", "feedback_daily"]
guards = [
  "unknown without tickets and orders of before go-live, or a baseline of tickets per order by hand",
  "never more tickets avoided than the bot resolved",
  "below zero when there are more tickets per order than before",
  "without orders an estimate, by what people say that they would have done",
]
target = {low = 0.0, origin = "house"}

[parts]
avoided = {shape = "composed", unit = "count", better = "higher"}

[title]
en = "Deflection rate"
nl = "Deflectieratio"

[question]
en = "How many tickets does self-service prevent?"
nl = "Hoeveel tickets worden door selfservice-AI voorkomen?"

[definition]
en = "Tickets avoided (part `avoided`), as a share of those avoided and those that came. Avoided is what as many orders would have brought before go-live (tickets per order of the baseline × orders now) minus the tickets of now, and never more than the conversations that the bot resolved. Tickets and orders are the measurements `tickets` and `orders`; a baseline by hand is written for the part `tickets_per_order`. Without orders, and then estimated: the conversations that the bot resolved without a ticket × the share of askers who say, to the survey question `would_have_called`, that they would have called (the lowest score is no, the highest yes)."
nl = "Voorkomen tickets (deel `avoided`), als deel van de voorkomen en de binnengekomen tickets. Voorkomen is wat evenveel orders voor de livegang hadden opgeleverd (tickets per order van de nulmeting × orders nu) min de tickets van nu, en nooit meer dan de gesprekken die de bot oploste. Tickets en orders zijn de metingen `tickets` en `orders`; een nulmeting met de hand wordt geschreven voor het deel `tickets_per_order`. Zonder orders, en dan geschat: de gesprekken die de bot zonder ticket oploste × het deel van de vragers dat op de enquêtevraag `would_have_called` zegt dat zij gebeld zouden hebben (de laagste score is nee, de hoogste ja)."
*/
-- Of the whole use case, as orders have no team. What a row says nothing of is NULL: tickets that
-- nobody reports are unknown, not avoided.
SELECT
  day, use_case, '' AS team, '' AS segment, 'tickets' AS part,
  sum(value_sum) FILTER (WHERE name = 'tickets')::DOUBLE AS total,
  sum(value_sum) FILTER (WHERE name = 'orders')::DOUBLE AS weight,
  NULL AS squares, sum("count") AS n
FROM measurements_daily
WHERE name IN ('tickets', 'orders')
GROUP BY ALL
UNION ALL
SELECT day, use_case, '', '', name, value, NULL, NULL, conversations
FROM (
  SELECT
    day, use_case, sum(conversations) AS conversations,
    sum(resolved_by_bot)::DOUBLE AS resolved,
    sum(resolved_without_ticket)::DOUBLE AS resolved_without_ticket,
    -- Where no conversation says whether a ticket was made, that is unknown.
    CASE WHEN sum(tickets_count) > 0 THEN sum(tickets) END::DOUBLE AS conversation_tickets
  FROM conversations_daily
  GROUP BY ALL
)
UNPIVOT INCLUDE NULLS (
  value FOR name IN (resolved, resolved_without_ticket, conversation_tickets)
)
UNION ALL
SELECT
  day, use_case, '', '', 'would_have_called',
  sum((points - scores * low) / (high - low)), NULL,
  sum((squares - 2 * low * points + scores * low * low) / ((high - low) * (high - low))),
  sum(scores)
FROM (
  SELECT *, score_sum::DOUBLE AS points, score_squares::DOUBLE AS squares,
    scale_min::DOUBLE AS low, scale_max::DOUBLE AS high
  FROM feedback_daily
)
WHERE question = 'would_have_called' AND scores > 0 AND scale_max > scale_min
GROUP BY ALL
