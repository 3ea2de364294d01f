/*
id = "token_saving"
level = 1
unit = "share"
better = "higher"
shape = "formula"
inputs = ["interactions_hourly", "reviews_daily", "plan_reference_prompts", "price book"]
guards = ["only while accuracy is not worse than with the reference prompt", "same tool and model on both sides, both at today's prices", "no percentage below 20 calls on either side", "without a reference prompt in the plan it is unknown"]
target = {low = 0.30, high = 0.50, origin = "article"}

[title]
en = "Saved by better prompts"
nl = "Besparing door betere prompts"

[question]
en = "What do optimised prompts save?"
nl = "Welke besparing leveren geoptimaliseerde prompts op?"

[definition]
en = "1 minus (cost of the period's calls) / (what as many calls would have cost with the reference prompt), per tool and model, added up over tools and models before dividing. Both costs are token counts (input, read from a cache, written to a cache, output) times today's prices. The period's calls are those of the tool with any prompt version but the reference; what they would have cost is the mean cost per call of the reference version, over its whole history with the same tool and model, times their number. Calls that somebody cancelled, report no usage, name no prompt version, use a model without a price or a model that the reference never used are left out. Shown only while the interval of the difference in accuracy (new minus reference) does not lie below zero."
nl = "1 min (kosten van de aanroepen in de periode) / (wat evenveel aanroepen met de referentieprompt gekost zouden hebben), per tool en model, opgeteld over tools en modellen vóór het delen. Beide kosten zijn aantallen tokens (invoer, uit een cache gelezen, in een cache geschreven, uitvoer) maal de prijzen van vandaag. De aanroepen van de periode zijn die van de tool met elke promptversie behalve de referentie; wat zij gekost zouden hebben, is de gemiddelde prijs per aanroep van de referentieversie, over haar hele geschiedenis met dezelfde tool en hetzelfde model, maal hun aantal. Aanroepen die iemand afbrak, die geen verbruik melden, geen promptversie noemen, een model zonder prijs gebruiken of een model dat de referentie nooit gebruikte, tellen niet mee. Alleen getoond zolang het interval van het verschil in accuratesse (nieuw min referentie) niet onder nul ligt."
*/
