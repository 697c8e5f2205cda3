-- greet
SELECT id, name FROM people WHERE amount > 10 ORDER BY name;
