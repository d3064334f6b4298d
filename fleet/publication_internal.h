/* What is published, in memory: shared by the readers (publication.c) and the job that renews it
 * (publication_refresh.c). */
#ifndef WHORL_FLEET_PUBLICATION_INTERNAL_H
#define WHORL_FLEET_PUBLICATION_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/crl_rows.h"
#include "fleet/authority_set.h"
#include "fleet/publication.h"

struct shown_list {
    struct published crl; /* bytes NULL: nothing is there yet */
    int64_t number;
    int64_t rest_until_ms; /* monotonic; of the refreshing thread: a large list is not signed all the time */
};

/* One authority's. Made when it is first seen, and never taken away: what was published stays to be had. */
struct shelf {
    char authority[AUTHORITY_ID_SIZE];
    struct published certificate;
    struct shown_list *lists; /* the complete list, then the shards */
    size_t count;
    /* of the refreshing thread: nothing is to be done while the inventory's count of changes is `seen` and
       the time lies between these */
    bool is_settled;
    int64_t seen, settled_from_ms, settled_to_ms;
};

struct publications {
    pthread_mutex_t mutex;                  /* guards what is shown; held for an exchange of pointers only */
    pthread_mutex_t refreshing;             /* one refresh at a time */
    struct shelf *shelves[AUTHORITIES_MAX]; /* filled from the front; read without a lock */
    atomic_size_t count;
    atomic_bool has_begun; /* once, every list that is made here was there */
};

/** The shelf of a member of the set; makes it. @thread of `refreshing` */
err_t publication_shelf(struct publications *publications, const struct authority_member *member,
                        struct shelf **out);

/** Shows the list unless a newer one is shown: the number never falls. @param row with DER */
err_t publication_show_crl(struct publications *publications, struct shelf *shelf, const struct crl_row *row);
/** Shows the authority's certificate. */
err_t publication_show_certificate(struct publications *publications, struct shelf *shelf, struct bytes der);

#endif
