/* Sizes of what rows hold: of texts with their end, of ids in bytes. */
#ifndef WHORL_DB_SIZES_H
#define WHORL_DB_SIZES_H

enum {
    DEVICE_ID_SIZE = 32,
    NAME_SIZE = 65, /* tenants, products, batches, tokens: 1 … 64 of [A-Za-z0-9._-] (tenants: lower case) */
    SERIAL_TEXT_SIZE = 65,
    MODEL_SIZE = 65,
    DEVICE_NOTE_SIZE = 513,
    DEVICE_STATES = 6,
    AUTHORITY_ID_SIZE = 32,
    CERTIFICATE_SERIAL_SIZE = 16,
    TOKEN_ID_SIZE = 8,
    TENANT_DISPLAY_SIZE = 129,
    CODE_ID_SIZE = 8,
    SOURCES_SIZE = 448,
    ACTOR_SIZE = 96 /* who did something: "token:<id>", "user:<id>", … */
};

#endif
