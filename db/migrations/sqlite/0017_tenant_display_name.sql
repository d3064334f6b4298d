-- A tenant's name is its EST label and fixed; what people read can change.

ALTER TABLE tenant ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
