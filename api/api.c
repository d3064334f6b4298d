/* The life of the value that handlers share. Holds no state of requests and no connection. */
#include "api/api.h"

#include <stdlib.h>

err_t api_new(const struct api_options *options, struct api **out)
{
    *out = NULL;
    ENSURE(options->metrics_count <= API_METRICS_SOURCES_MAX, ERR_INTERNAL, "too many sources of metrics");
    AUTO_PTR(api) *api = calloc(1, sizeof *api);
    ENSURE(api != NULL, ERR_NO_MEMORY, "the api");
    api->options = *options;
    running_init(&api->running);
    *out = TAKE(api);
    return OK;
}

void api_free(struct api *api)
{
    if (api != NULL) {
        running_clear(&api->running);
    }
    free(api);
}
