/* The sector of signatures behind an ESP-IDF image (Secure Boot v2). For esp.c. */
#ifndef WHORL_FIRMWARE_STORE_ESP_SIGNATURE_H
#define WHORL_FIRMWARE_STORE_ESP_SIGNATURE_H

#include "firmware_store/image_reading.h"

enum { ESP_SECTOR_SIZE = 4096 };

/** Whether a sector begins like one of signatures. */
err_t esp_has_signatures(const struct image_reading *r, int64_t sector, bool *out);
/** Up to three blocks, each of them whole, with the digest of everything before the sector. */
err_t esp_read_signatures(const struct image_reading *r, int64_t sector);

#endif
