-- Who answers for a token: the person, or the first credential, that it comes from. Tokens that stand answer for themselves.

ALTER TABLE token ADD COLUMN owner TEXT NOT NULL DEFAULT '';
UPDATE token SET owner = 'token:' || lower(hex(id));
