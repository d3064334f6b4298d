/* Hubs: where the devices of a product go after enrolment (a broker's address) and whom they trust there. */
#ifndef WHORL_FLEET_HUBS_H
#define WHORL_FLEET_HUBS_H

#include "fleet/terms.h"

/* What is asked for; what is not there stays as it is, or takes its default. */
struct hub_change {
    bool has_kind, has_port;
    struct bytes name, host; /* p NULL: not there */
    struct bytes ca;         /* PEM; p NULL: not there; empty: none */
    enum hub_kind kind;
    int64_t port;
};

enum { HUB_PORT_DEFAULT = 8883, HUB_URL_SIZE = 280 };

/** @errors ERR_UNPROCESSABLE with faults, ERR_CONFLICT name taken @thread worker, like all functions here */
err_t hub_add(struct fleet *fleet, const struct terms *terms, const struct hub_change *change,
              struct hub_row *out);
/** @errors as above, ERR_NOT_FOUND also for another tenant's, ERR_PRECONDITION */
err_t hub_change(struct fleet *fleet, const struct terms *terms, struct uuid id,
                 const struct hub_change *change, struct hub_row *out);
err_t hub_find(struct fleet *fleet, struct uuid tenant, struct uuid id, struct hub_row *out);
/** In order of id. */
err_t hub_list(struct fleet *fleet, struct uuid tenant, const struct row_window *window,
               err_t (*fn)(const struct hub_row *row, void *arg), void *arg);

/** "mqtts://host:port": what a device is told. @thread any */
void hub_url_format(const struct hub_row *hub, char out[HUB_URL_SIZE]);

#endif
