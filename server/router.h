/* From listener, method and path to a row of the route tables. Literal segments win over parameters, whatever
 * the order of the rows; "{name...}" at the end takes the rest of the path, slashes included, where nothing
 * else fits. Paths are compared as they were sent; only parameters are decoded, by the caller, after they
 * were cut out. */
#ifndef WHORL_SERVER_ROUTER_H
#define WHORL_SERVER_ROUTER_H

#include "api/http.h"

struct router;

enum { ROUTER_ALLOW_SIZE = 64 };

struct route_match {
    const struct route *route;   /* NULL: none */
    const struct route *nearest; /* without a route: the one whose way of telling errors fits, or NULL */
    size_t index;                /* of the route, for figures; router_route_count() for none */
    struct bytes params[HTTP_PARAMS_MAX]; /* raw, borrowed from the path */
    size_t param_count;
    char allow[ROUTER_ALLOW_SIZE]; /* the methods of the path when only the method is wrong, else "" */
};

/** @errors ERR_INTERNAL a template that is malformed or used twice @thread init */
err_t router_new(const struct route_table *tables, size_t count, struct router **out);
void router_free(struct router *router);
size_t router_route_count(const struct router *router);
const struct route *router_route(const struct router *router, size_t index);
/** HEAD is served by the route of GET. @thread any */
void router_find(const struct router *router, enum listener listener, enum http_method method,
                 struct bytes path, struct route_match *out);
enum http_method http_method_of(const char *name);
const char *http_method_name(enum http_method method);

DEFINE_AUTO_PTR(router, router_free);

#endif
