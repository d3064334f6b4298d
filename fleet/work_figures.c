/* A webhook keeps the number of its own deliveries, so those that have any are added up, and nothing is
 * counted. */
#include "fleet/work_figures.h"

#include "db/webhook_rows.h"
#include "fleet/internal.h"
#include "fleet/uploads_internal.h"

enum { WEBHOOKS_READ = 1000 }; /* those that wait the longest: beyond it nobody needs the number to act */

static err_t read_waiting(struct db_tx *tx, void *arg)
{
    return webhook_rows_waiting(tx, WEBHOOKS_READ, arg);
}

static size_t uploads_under_way(struct fleet *fleet)
{
    struct uploads *uploads = fleet->blob_shelf->uploads;
    (void)pthread_mutex_lock(&uploads->lock);
    size_t count = uploads->count;
    (void)pthread_mutex_unlock(&uploads->lock);
    return count;
}

err_t work_figures_write(struct fleet *fleet, struct buf *out)
{
    int64_t waiting = 0;
    TRY(db_read(fleet->db, read_waiting, &waiting));
    TRY(buf_printf(out,
                   "# TYPE whorl_webhook_waiting gauge\n# HELP whorl_webhook_waiting Deliveries of webhooks "
                   "that are to be sent, or sent again.\nwhorl_webhook_waiting %lld\n",
                   (long long)waiting));
    return buf_printf(out,
                      "# TYPE whorl_uploads_writing gauge\n# HELP whorl_uploads_writing Requests that add to "
                      "an upload of firmware now.\nwhorl_uploads_writing %zu\n",
                      uploads_under_way(fleet));
}
