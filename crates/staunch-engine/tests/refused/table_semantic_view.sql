SELECT * FROM SEMANTIC_VIEW(clicks DIMENSIONS page)
--- ST0020 1:36 expected: ), found: DIMENSIONS | mend the SQL at this place
---     SELECT * FROM SEMANTIC_VIEW(clicks DIMENSIONS page)
---                                        ^
