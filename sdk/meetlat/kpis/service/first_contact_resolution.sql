/*
id = "first_contact_resolution"
level = 2
pack = "service"
unit = "share"
better = "higher"
shape = "share"
maturity_days = 7
inputs = ["conversations_daily"]
guards = [
  "no percentage below 20 conversations",
  "a conversation counts after seven days of silence, so that reopened ones are known",
  "abandoned conversations count as not resolved",
]
target = {low = 0.60, high = 0.70, origin = "article"}

[title]
en = "First contact resolution"
nl = "First-contact-oplossing"

[question]
en = "How many questions does the chatbot settle by itself?"
nl = "Hoeveel verzoeken handelt de chatbot zelfstandig af?"

[definition]
en = "Conversations that the bot resolved, that were not handed over and not reopened, as a share of all conversations of at least seven days ago, abandoned ones included. By the day the conversation began."
nl = "Gesprekken die de bot oploste, die niet zijn overgedragen en niet heropend, als deel van alle gesprekken van minstens zeven dagen geleden, ook de afgebroken. Op de dag dat het gesprek begon."
*/
-- Resolved by the bot alone / conversations that had seven days to come back.
SELECT day, use_case, team, segment, sum(first_contact) AS hits, sum(mature) AS n
FROM conversations_daily
GROUP BY ALL
