/* The inside of a snapshot of authorities: authority_set.c asks it, authority_set_read.c makes it. */
#ifndef WHORL_FLEET_AUTHORITY_SET_INTERNAL_H
#define WHORL_FLEET_AUTHORITY_SET_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/authority_certificate_rows.h"
#include "fleet/authority_set.h"
#include "fleet/internal.h"

struct kept_cross {
    char issuer[AUTHORITY_ID_SIZE], subject[AUTHORITY_ID_SIZE];
    struct buf der;
    struct authority_cross view;
};

struct authority_set {
    atomic_int holders;
    int64_t version; /* of this process */
    int64_t change;  /* of the inventory, as read */
    bool is_whole;   /* every key that should be here could be opened */
    struct authority_member *members;
    size_t count;
    struct kept_cross *crosses;
    size_t cross_count;
};

struct authority_sets {
    pthread_mutex_t mutex;     /* of `present`: held for an exchange of pointers */
    pthread_mutex_t reloading; /* one at a time */
    struct authority_set *present;
    void (*on_change)(void *context);
    void *context;
};

/** Reads the rows; authorities that `former` or the options have already are shared with them.
 *  @param former NULL: none @param[out] out held by the caller @thread worker, init */
err_t authority_set_read(struct fleet *fleet, const struct authority_set *former, struct authority_set **out);
/** The number of changes of the inventory. */
err_t authority_set_read_change(struct fleet *fleet, int64_t *out);

#endif
