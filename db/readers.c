/* The pool of read connections. A read takes one, sees one snapshot of the inventory for its whole closure,
 * and gives it back; it never waits for the writer nor holds it up. db_read() comes here. */
#include "db/internal.h"

#include <pthread.h>
#include <stdlib.h>

struct readers {
    const struct db_options *options;
    pthread_mutex_t mutex;
    pthread_cond_t returned;
    int free_count;
    struct connection **free_ones; /* a stack: the one used last has the warmest cache */
};

static struct connection *reader_get(struct readers *readers)
{
    (void)pthread_mutex_lock(&readers->mutex);
    while (readers->free_count == 0) {
        (void)pthread_cond_wait(&readers->returned, &readers->mutex);
    }
    struct connection *connection = readers->free_ones[--readers->free_count];
    (void)pthread_mutex_unlock(&readers->mutex);
    return connection;
}

static void reader_put(struct readers *readers, struct connection *connection)
{
    (void)pthread_mutex_lock(&readers->mutex);
    readers->free_ones[readers->free_count++] = connection;
    (void)pthread_cond_signal(&readers->returned);
    (void)pthread_mutex_unlock(&readers->mutex);
}

static err_t read_snapshot(struct db_tx *tx, db_fn fn, void *arg)
{
    TRY(connection_control(tx->connection, "BEGIN"));
    err_t result = fn(tx, arg);
    connection_rollback(tx->connection); /* ends the snapshot; there is nothing to keep */
    return tx->is_lost ? tx->lost : result;
}

err_t readers_run(struct readers *readers, db_fn fn, void *arg)
{
    struct connection *connection = reader_get(readers);
    struct db_tx tx = {.connection = connection,
                       .options = readers->options,
                       .now_ms = clock_now_ms(readers->options->clock)};
    err_t result = read_snapshot(&tx, fn, arg);
    reader_put(readers, connection);
    return result;
}

err_t readers_new(const struct db_options *options, struct readers **out)
{
    *out = NULL;
    ENSURE(options->read_connections > 0, ERR_INTERNAL, "no read connection");
    AUTO_PTR(readers) *readers = calloc(1, sizeof *readers);
    ENSURE(readers != NULL, ERR_NO_MEMORY, "the readers");
    readers->options = options;
    (void)pthread_mutex_init(&readers->mutex, NULL);
    (void)pthread_cond_init(&readers->returned, NULL);
    readers->free_ones = calloc((size_t)options->read_connections, sizeof(struct connection *));
    ENSURE(readers->free_ones != NULL, ERR_NO_MEMORY, "the readers");
    enum connection_use use = options->is_read_only ? CONNECTION_READ_FILE : CONNECTION_READ;
    for (int i = 0; i < options->read_connections; i++) {
        TRY(connection_open(options, use, &readers->free_ones[i]));
        readers->free_count++;
    }
    *out = TAKE(readers);
    return OK;
}

void readers_free(struct readers *readers)
{
    if (readers == NULL) {
        return;
    }
    for (int i = 0; i < readers->free_count; i++) {
        connection_free(readers->free_ones[i]);
    }
    free(readers->free_ones);
    (void)pthread_cond_destroy(&readers->returned);
    (void)pthread_mutex_destroy(&readers->mutex);
    free(readers);
}
