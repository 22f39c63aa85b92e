-- a comment
SELECT *
  FROM clicks
 WHERE (is_bot
