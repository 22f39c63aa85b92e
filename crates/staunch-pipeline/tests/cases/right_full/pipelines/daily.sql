-- one row a day
WITH human AS (
  SELECT * FROM human   -- the stage, not this query
), per_day AS (
  SELECT CAST(at AS DATE) AS day, count(*) AS n FROM human GROUP BY 1
)
SELECT day, n FROM per_day
WHERE EXISTS (SELECT 1 FROM airlines)
