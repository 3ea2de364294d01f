/*
id = "escalation_rate"
level = 2
pack = "service"
unit = "share"
better = "lower"
shape = "share"
inputs = ["conversations_daily"]
guards = ["no percentage below 20 conversations"]
target = {kind = "trend", origin = "article"}

[title]
en = "Escalation rate"
nl = "Escalatieratio"

[question]
en = "How often does the bot hand over to people?"
nl = "Hoe vaak draagt de bot over aan mensen?"

[definition]
en = "Conversations that were handed over to a human at least once, as a share of all conversations. By the day the conversation began. Falling figures show that the bot learns."
nl = "Gesprekken die minstens één keer aan een mens zijn overgedragen, als deel van alle gesprekken. Op de dag dat het gesprek begon. Dalende cijfers tonen leereffect aan."
*/
-- Conversations handed over / conversations.
SELECT day, use_case, team, segment, sum(handed_over) AS hits, sum(conversations) AS n
FROM conversations_daily
GROUP BY ALL
