/* What the files of uploads share. */
#ifndef WHORL_FLEET_UPLOADS_INTERNAL_H
#define WHORL_FLEET_UPLOADS_INTERNAL_H

#include "fleet/blobs_internal.h"
#include "fleet/internal.h"
#include "fleet/uploads.h"

/* Which uploads have a request that adds to them: in memory, one process serves. */
enum { UPLOADS_BUSY_MAX = 256 };
struct uploads {
    pthread_mutex_t lock;
    struct uuid busy[UPLOADS_BUSY_MAX];
    size_t count;
};
/** @errors ERR_CONFLICT another request has it, ERR_BUSY too many are under way @thread any */
err_t upload_enter(struct fleet *fleet, struct uuid id);
void upload_leave(struct fleet *fleet, struct uuid id);

struct upload {
    struct fleet *fleet;
    bool is_whole, is_inside, is_over; /* inside: upload_enter(); over: its row is gone */
    char actor_name[ACTOR_SIZE], actor_owner[ACTOR_SIZE], request_id[UUID_TEXT_SIZE];
    struct firmware_upload_row row;
    struct blob_writer *writer;
    int64_t at; /* of the next byte; row.received of them are durable */
};
struct actor upload_actor(const struct upload *upload);

/** What was added is durable, and the row says so. */
err_t upload_settle(struct upload *upload);
/** The row, its record and its bytes go. @param why a plain word or two */
err_t upload_forget(struct fleet *fleet, const struct firmware_upload_row *row, const struct actor *actor,
                    const char *why);
/** All bytes are there: checked, made an image. @errors as of upload_finish() */
err_t upload_complete(struct upload *upload, struct faults *faults, struct upload_outcome *out);
/** Room for so many bytes more. @errors ERR_DISK_FULL */
err_t upload_check_room(struct fleet *fleet, int64_t bytes);

#endif
