/* Archives of cpio in the "newc" and "crc" forms, as far as .swu files need them. For swu.c. */
#ifndef WHORL_FIRMWARE_STORE_CPIO_H
#define WHORL_FIRMWARE_STORE_CPIO_H

#include "firmware_store/image_reading.h"

enum { CPIO_NAME_SIZE = 256 };

/* One file of an archive. */
struct cpio_entry {
    int64_t at;      /* of its header */
    int64_t data_at; /* of its bytes */
    int64_t size, next;
    uint32_t sum; /* of its bytes, one by one */
    bool has_sum, is_trailer;
    char name[CPIO_NAME_SIZE];
};

/** Reads the header at `at`. Refuses what is no plain file, and names that lead out of a folder. */
err_t cpio_read_entry(const struct image_reading *r, int64_t at, struct cpio_entry *out);
/** Whether the bytes add up, where the archive says to what. */
err_t cpio_check_sum(const struct image_reading *r, const struct cpio_entry *entry);

#endif
