/* The body sink of POST /api/v1/batches/import; its route stands with those of batches (api/batches.c). */
#ifndef WHORL_API_IMPORT_H
#define WHORL_API_IMPORT_H

#include "api/http.h"

extern const struct body_sink import_sink;

#endif
