/* Chains under one lock, which is held for a few comparisons. While nobody sends a trace, a look is one load.
 */
#include "base/trace_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 256 };

struct trace_table {
    pthread_mutex_t mutex; /* guards the chains */
    struct trace_entry *chains[CHAINS];
    atomic_size_t count;
};

err_t trace_table_new(struct trace_table **out)
{
    *out = calloc(1, sizeof **out);
    ENSURE(*out != NULL, ERR_NO_MEMORY, "a table of traces");
    (void)pthread_mutex_init(&(*out)->mutex, NULL);
    return OK;
}

void trace_table_free(struct trace_table *table)
{
    if (table != NULL) {
        (void)pthread_mutex_destroy(&table->mutex);
        free(table);
    }
}

/* The ids are ours, and end in random digits; what somebody else gave in is only looked for. */
static struct trace_entry **chain_of(struct trace_table *table, const char *request_id)
{
    size_t hash = 0;
    for (const char *p = request_id; *p != '\0'; p++) {
        hash = hash * 31 + (unsigned char)*p;
    }
    return &table->chains[hash % CHAINS];
}

void trace_table_put(struct trace_table *table, struct trace_entry *entry)
{
    if (table == NULL || entry->is_in) {
        return;
    }
    struct trace_entry **chain = chain_of(table, entry->request_id);
    (void)pthread_mutex_lock(&table->mutex);
    entry->next = *chain;
    entry->is_in = true;
    *chain = entry;
    (void)pthread_mutex_unlock(&table->mutex);
    atomic_fetch_add(&table->count, 1);
}

void trace_table_drop(struct trace_table *table, struct trace_entry *entry)
{
    if (table == NULL || !entry->is_in) {
        return;
    }
    struct trace_entry **place = chain_of(table, entry->request_id);
    atomic_fetch_sub(&table->count, 1);
    (void)pthread_mutex_lock(&table->mutex);
    while (*place != entry) {
        place = &(*place)->next;
    }
    *place = entry->next;
    entry->is_in = false;
    (void)pthread_mutex_unlock(&table->mutex);
}

bool trace_table_find(struct trace_table *table, const char *request_id, struct trace *out)
{
    *out = (struct trace){.id = ""};
    if (table == NULL || request_id == NULL || request_id[0] == '\0' || atomic_load(&table->count) == 0) {
        return false;
    }
    (void)pthread_mutex_lock(&table->mutex);
    const struct trace_entry *entry = *chain_of(table, request_id);
    while (entry != NULL && strcmp(entry->request_id, request_id) != 0) {
        entry = entry->next;
    }
    if (entry != NULL) {
        *out = entry->trace;
    }
    (void)pthread_mutex_unlock(&table->mutex);
    return entry != NULL;
}
