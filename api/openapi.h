/* The description of this interface (OpenAPI 3.1), joined from docs/openapi/ when the server is built, so
 * that a server can only describe itself. */
#ifndef WHORL_API_OPENAPI_H
#define WHORL_API_OPENAPI_H

#include <stddef.h>

extern const char openapi_document[]; /* JSON, compact, ASCII; static */
extern const size_t openapi_document_size;

#endif
