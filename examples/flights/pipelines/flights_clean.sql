-- One row per flight: per-row, with equi-joins to pinned reference data only.
SELECT
  f.year,
  f.month,
  f.day,
  f.hour,
  f.time_hour,
  f.carrier,
  a.name AS airline,
  f.flight,
  f.tailnum,
  p.manufacturer,
  p.model,
  f.year - p.year AS plane_age,
  f.origin,
  f.dest,
  d.name AS dest_name,
  f.distance,
  CAST(f.hour AS BIGINT) * 60 + f.minute AS sched_dep_minute,
  f.dep_delay,
  f.arr_delay,
  f.air_time,
  f.dep_delay - f.arr_delay AS made_up,
  CAST(f.distance AS DOUBLE) * CAST(60 AS DOUBLE) / CAST(f.air_time AS DOUBLE) AS miles_per_hour,
  f.dep_time IS NULL AS cancelled,
  f.arr_delay >= 15 AS arr_late,
  w.temp,
  w.wind_speed,
  w.visib
FROM flights AS f
INNER JOIN airlines AS a ON f.carrier = a.carrier
LEFT JOIN airports AS d ON f.dest = d.faa
LEFT JOIN planes AS p ON f.tailnum = p.tailnum
LEFT JOIN weather AS w ON f.origin = w.origin AND f.time_hour = w.time_hour
