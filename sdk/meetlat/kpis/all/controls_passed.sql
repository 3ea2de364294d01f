/*
id = "controls_passed"
level = 1
unit = "share"
better = "higher"
shape = "share"
inputs = ["measurements_daily"]
guards = ["no percentage below 20 controls: then the numbers themselves"]
target = {low = 1.0, origin = "article"}

[title]
en = "Security controls passed"
nl = "Beveiligingscontroles doorstaan"

[question]
en = "Does the system keep to the security rules?"
nl = "Voldoet het systeem aan de beveiligingseisen (security compliance)?"

[definition]
en = "Security controls that were passed, as a share of the controls that were due, by the measurements control_passed and control_due. A control that was due and not carried out counts as not passed. Left out: measurements of any other name."
nl = "Beveiligingscontroles die zijn doorstaan, als deel van de controles die aan de beurt waren, volgens de metingen control_passed en control_due. Een controle die aan de beurt was en niet is uitgevoerd, telt als niet doorstaan. Niet meegeteld: metingen met een andere naam."
*/
-- Controls passed / controls due, as measured by name.
SELECT day, use_case, team, segment,
  sum(CASE WHEN name = 'control_passed' THEN value_sum ELSE 0 END)::DOUBLE AS hits,
  sum(CASE WHEN name = 'control_due' THEN value_sum ELSE 0 END)::DOUBLE AS n
FROM measurements_daily
WHERE name IN ('control_passed', 'control_due')
GROUP BY ALL
