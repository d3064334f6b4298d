-- Since when an authority is compromised, and by when each device under it has been asked for its next certificate (fleet/renewal.h).
ALTER TABLE authority ADD COLUMN compromised_at INTEGER;
ALTER TABLE authority ADD COLUMN rekey_by INTEGER;
UPDATE authority SET compromised_at = updated_at, rekey_by = updated_at WHERE state = 2;
