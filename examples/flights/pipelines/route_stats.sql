-- Routes, and what share of their airport's flights they carry. Every double is one division of exact integers.
WITH routes AS (
  SELECT
    origin,
    dest,
    count(*) AS flights,
    count(arr_delay) AS arrived,
    count(DISTINCT carrier) AS carriers,
    sum(CASE WHEN arr_delay < 15 THEN 1 ELSE 0 END) AS on_time,
    sum(arr_delay) AS arr_delay_sum,
    max(arr_delay) AS arr_delay_max,
    min(air_time) AS air_time_min,
    max(air_time) AS air_time_max,
    max(distance) AS distance
  FROM flights_clean
  GROUP BY origin, dest
),
origins AS (
  SELECT origin, count(*) AS flights FROM flights_clean GROUP BY origin
)
SELECT
  r.origin,
  r.dest,
  r.flights,
  r.arrived,
  r.carriers,
  r.on_time,
  CAST(100 * r.on_time AS DOUBLE) / CAST(NULLIF(r.arrived, 0) AS DOUBLE) AS on_time_percent,
  CAST(r.arr_delay_sum AS DOUBLE) / CAST(NULLIF(r.arrived, 0) AS DOUBLE) AS arr_delay_avg,
  r.arr_delay_max,
  r.air_time_min,
  r.air_time_max,
  r.distance,
  CAST(100 * r.flights AS DOUBLE) / CAST(o.flights AS DOUBLE) AS share_of_origin
FROM routes AS r
INNER JOIN origins AS o ON r.origin = o.origin
