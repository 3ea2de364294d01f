/*
id = "deflection_saving"
level = 3
pack = "service"
unit = "money"
better = "higher"
shape = "formula"
made_of = "deflection_rate"
inputs = ["measurements_daily", "conversations_daily", "feedback_daily"]
guards = [
  "a view: the saving in money counts avoided tickets already, so it is never added to it",
  "estimated, unless the plan says what a ticket costs and orders are known",
  "the guards of the deflection rate",
]

[title]
en = "Saving by deflection"
nl = "Besparing door deflectie"

[question]
en = "What did the tickets that self-service prevented save?"
nl = "Wat bespaarden de tickets die selfservice-AI voorkwam?"

[definition]
en = "The tickets avoided, as the deflection rate counts them, times what handling a ticket costs: by the plan (`ticket_costs`), else 22.50 euro, with a range from 15 to 30. The same money is in the saving of the use case: this is a view on it."
nl = "De voorkomen tickets, zoals de deflectieratio ze telt, keer wat de afhandeling van een ticket kost: volgens het plan (`ticket_costs`), anders 22,50 euro, met een bereik van 15 tot 30. Hetzelfde geld zit in de besparing van de toepassing: dit is er een blik op."
*/
