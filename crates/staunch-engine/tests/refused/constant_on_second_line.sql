SELECT id FROM clicks
WHERE at BETWEEN '2024-01-01' AND 'x'
--- ST0021 2:35 `'x'` cannot be cast to TIMESTAMP | write an instant: '2024-01-31T12:00:00Z', or use TRY_CAST where null is meant
---     WHERE at BETWEEN '2024-01-01' AND 'x'
---                                       ^^^
