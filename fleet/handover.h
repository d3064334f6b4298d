/* Lists of chips as their makers and other systems write them, read as a stream: bytes in, one device out at
 * a time. A parser judges form and signatures; whether a key is allowed and an id is free is for
 * fleet/import.c, its only caller. Knows no HTTP and no inventory. Formats: docs/handover.md. */
#ifndef WHORL_FLEET_HANDOVER_H
#define WHORL_FLEET_HANDOVER_H

#include "fleet/registry.h"

struct handover;
struct manifest_signers; /* fleet/manifest_signers.h */

enum handover_format {
    HANDOVER_QUARKLINK, /* {"devices":["<64 hex>", …]} */
    HANDOVER_CSV,       /* RFC 4180 with a header line */
    HANDOVER_JSONL,     /* one JSON value a line */
    HANDOVER_MICROCHIP, /* Trust Platform manifest: signed */
    HANDOVER_ESPRESSIF, /* MAC,cn,cert */
    HANDOVER_INFINEON   /* PEM certificates, one behind the other */
};
/** @return false: no format has this name @thread any, like all functions here */
bool handover_format_find(const char *name, enum handover_format *out);

struct handover_item {
    uint64_t line;  /* from 1: the line where it begins, or the number of the element of a JSON list */
    err_t refusal;  /* ERR_OK, or why this one cannot be taken; `device` then holds what is known of it */
    bool is_fatal;  /* with a refusal: the list cannot be trusted, nothing of it may be imported */
    bool is_signed; /* the maker's signature over the device's key was verified */
    struct device_entry device; /* borrowed until the callback returns */
};

struct handover_options {
    const struct manifest_signers *signers; /* for HANDOVER_MICROCHIP; borrowed for the life of the parser */
    const char *slot; /* the key that is the identity, by its `kid`; NULL: the first of each entry; likewise
                         borrowed */
    /* Called for each device in order. An error of it ends the parsing and is returned as it is. */
    err_t (*fn)(const struct handover_item *item, void *arg);
    void *arg;
};

enum { HANDOVER_PIECE_MAX = 64 * 1024 }; /* bytes of one line, record or element */

/** @errors ERR_NO_MEMORY */
err_t handover_new(enum handover_format format, const struct handover_options *options,
                   struct handover **out);
/** Any cut of the body gives the same items. After an error nothing more may be written.
 *  @errors ERR_BAD_JSON, ERR_UNPROCESSABLE the body as a whole is not of this format, or holds private keys;
 *  ERR_TOO_LARGE a line is longer than HANDOVER_PIECE_MAX; of fn */
err_t handover_write(struct handover *handover, struct bytes chunk);
/** The body is complete. @errors the same: it ended within something */
err_t handover_finish(struct handover *handover);
void handover_free(struct handover *handover);
DEFINE_AUTO_PTR(handover, handover_free);

#endif
