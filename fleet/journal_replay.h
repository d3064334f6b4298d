/* Brings an older copy of the inventory up to date with its journal: certificates, what became of them, what
 * became of devices, and of authorities. Each entry is applied in the order in which it was written, with an
 * audit record of its own. Nothing that is final here is taken back, and an entry that is there already
 * changes nothing.
 *
 * What the journal does not hold comes back otherwise: products, batches, hubs, tokens, people and the
 * devices of lists that were registered after the copy was made. A device that the journal knows is made
 * again in its product; one whose product is not there stays unknown until its list is handed over again, and
 * its certificates are known all the same, so that they can be revoked. */
#ifndef WHORL_FLEET_JOURNAL_REPLAY_H
#define WHORL_FLEET_JOURNAL_REPLAY_H

#include "db/journal.h"
#include "fleet/fleet.h"

struct replay_tally {
    int64_t certificates;        /* made again */
    int64_t certificate_changes; /* confirmed, superseded, revoked */
    int64_t device_changes;
    int64_t devices;              /* made again, without labels, attributes and notes */
    int64_t unknown_devices;      /* entries about devices of products that are not there */
    int64_t lines;                /* of published firmware, raised */
    int64_t authorities;          /* changes of authorities and of what they signed for each other */
    int64_t unknown_certificates; /* changes of certificates that neither copy nor journal has */
};

/** One entry (db_options.journal.replay). @param arg a replay_tally @thread of tx (write) */
err_t journal_replay_entry(struct db_tx *tx, const struct journal_entry *entry, void *arg);

#endif
