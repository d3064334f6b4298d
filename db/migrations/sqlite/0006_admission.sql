-- What a device needs for its first certificate is a product's policy, and who says that a key lives in a chip is kept with the device:
-- 0 nobody, it came with a code; 1 the list that it stands in (all that stand here now); 2 the chip's maker.

ALTER TABLE product ADD COLUMN admission INTEGER NOT NULL DEFAULT 0 CHECK (admission IN (0, 1, 2));
ALTER TABLE product ADD COLUMN must_be_listed INTEGER NOT NULL DEFAULT 0 CHECK (must_be_listed IN (0, 1));
ALTER TABLE device ADD COLUMN key_origin INTEGER NOT NULL DEFAULT 1 CHECK (key_origin IN (0, 1, 2));
