-- The ESP-IDF images of a product, for the chip of the newest one.
CREATE INDEX firmware_image_esp ON firmware_image (tenant, product, id) WHERE format = 2;
