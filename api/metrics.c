/* GET /metrics in OpenMetrics 1.0: the build, the fleet's figures, then each source's, in order. Makes no
 * figure itself. */
#include "api/reply.h"
#include "api/tables.h"
#include "fleet/publication.h"

static err_t get_metrics(struct api *api, const struct request *request, struct response *response)
{
    (void)request;
    struct buf *out = &response->body;
    TRY(buf_printf(out,
                   "# TYPE whorl_build info\n# HELP whorl_build The running "
                   "program.\nwhorl_build_info{version=\"%s\"} 1\n",
                   api->options.version));
    TRY(fleet_write_metrics(api->options.fleet, out));
    for (size_t i = 0; i < api->options.metrics_count; i++) {
        TRY(api->options.metrics[i].write(api->options.metrics[i].context, out));
    }
    TRY(buf_append_str(out, "# EOF\n"));
    response->status = 200;
    response->content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    return OK;
}

const struct route metrics_routes[] = {
    {.method = HTTP_GET,
     .path = "/metrics",
     .listeners = LISTENER_MANAGEMENT,
     .access = ACCESS_CALLER,
     .scopes = SCOPE_METRICS_READ,
     .handler = get_metrics},
};
