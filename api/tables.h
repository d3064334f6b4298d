/* The route tables of the feature files, for api/routes.c, which lists them. Adding a feature adds a line
 * here and there. */
#ifndef WHORL_API_TABLES_H
#define WHORL_API_TABLES_H

#include "api/http.h"

extern const struct route_table est_routes;           /* est.c */
extern const struct route_table device_status_routes; /* device_status.c */
extern const struct route_table device_enrol_routes;  /* device_enrol.c */
extern const struct route_table batch_routes;         /* batches.c */
extern const struct route_table device_routes;        /* devices.c */
extern const struct route_table certificate_routes;   /* certificates.c */
extern const struct route_table whoami_routes;        /* whoami.c */
extern const struct route_table public_routes;        /* public.c */
extern const struct route_table metrics_routes;       /* metrics.c */

#endif
