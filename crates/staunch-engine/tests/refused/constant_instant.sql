SELECT id FROM clicks WHERE at > 'yesterday'
--- ST0021 1:34 `'yesterday'` cannot be cast to TIMESTAMP | write an instant: '2024-01-31T12:00:00Z', or use TRY_CAST where null is meant
---     SELECT id FROM clicks WHERE at > 'yesterday'
---                                      ^^^^^^^^^^^
