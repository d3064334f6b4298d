/* What transactions tell after their commit: kept by the writer while a group runs, handed to the one
 * listener when the group is durable and before its callers wake, so that memory is right when an answer is
 * given. A closure that fails, or a group that is lost, tells nothing. */
#include "db/internal.h"

#include <pthread.h>
#include <stdlib.h>

enum { NOTICE_MAX = 255 };

struct notices {
    struct buf queue;      /* of the writer's thread: a length in one byte, then that many */
    pthread_mutex_t mutex; /* held while the listener runs */
    void (*listener)(void *context, struct bytes what);
    void *context;
};

err_t notices_new(struct notices **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "the writer");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void notices_free(struct notices *notices)
{
    if (notices != NULL) {
        buf_clear(&notices->queue);
        (void)pthread_mutex_destroy(&notices->mutex);
        free(notices);
    }
}

err_t db_tx_tell(struct db_tx *tx, struct bytes what)
{
    ENSURE(tx->head != NULL && what.n <= NOTICE_MAX, ERR_INTERNAL, "a notice of %zu bytes, or in a read",
           what.n);
    if (tx->notices == NULL) {
        return OK; /* while the inventory is opened: nobody can have asked to be told */
    }
    uint8_t size = (uint8_t)what.n;
    TRY(buf_reserve(&tx->notices->queue, 1 + what.n)); /* all of it or nothing */
    TRY(buf_append(&tx->notices->queue, &size, 1));
    return buf_append_bytes(&tx->notices->queue, what);
}

size_t notices_mark(const struct notices *notices)
{
    return notices->queue.n;
}

void notices_drop(struct notices *notices, size_t mark)
{
    notices->queue.n = mark;
}

void notices_deliver(struct notices *notices)
{
    struct bytes rest = buf_view(&notices->queue);
    (void)pthread_mutex_lock(&notices->mutex);
    while (rest.n > 0 && notices->listener != NULL) {
        struct bytes what = {rest.p + 1, rest.p[0]};
        notices->listener(notices->context, what);
        rest = (struct bytes){what.p + what.n, rest.n - 1 - what.n};
    }
    (void)pthread_mutex_unlock(&notices->mutex);
    notices_drop(notices, 0);
}

void notices_listen(struct notices *notices, void (*fn)(void *context, struct bytes what), void *context)
{
    (void)pthread_mutex_lock(&notices->mutex);
    notices->listener = fn;
    notices->context = context;
    (void)pthread_mutex_unlock(&notices->mutex);
}
