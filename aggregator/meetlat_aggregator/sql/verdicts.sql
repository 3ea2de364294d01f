SELECT verdict FROM judged ORDER BY seq
