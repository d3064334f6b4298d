-- Lists of images by what they are and whether they are good.
CREATE INDEX firmware_image_by_state ON firmware_image (tenant, state, id);
CREATE INDEX firmware_image_by_format ON firmware_image (tenant, format, id);
CREATE INDEX firmware_image_by_format_state ON firmware_image (tenant, format, state, id);
CREATE INDEX firmware_image_by_product_state ON firmware_image (tenant, product, state, id);
CREATE INDEX firmware_image_by_product_format ON firmware_image (tenant, product, format, id);
CREATE INDEX firmware_image_by_product_format_state ON firmware_image (tenant, product, format, state, id);
CREATE INDEX firmware_image_by_version ON firmware_image (tenant, product, format, version, id);
