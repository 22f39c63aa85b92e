SELECT *
  FROM clikcs
