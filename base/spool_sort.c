/* Merge sort: runs that fit into memory are sorted and written one behind the other, then merged through a
 * heap of their heads. One merge is enough: a run needs a small window only. */
#include "base/spool_sort.h"

#include <stdlib.h>
#include <string.h>

enum { RUN_BYTES = 4 << 20, WINDOW_BYTES = 16 << 10 };

static int compare(const void *a, const void *b, void *size)
{
    return memcmp(a, b, *(const size_t *)size);
}

/* One run while it is merged: a window of it in memory. */
struct run {
    int64_t at, end; /* what is not in the window yet */
    uint8_t *window;
    size_t from, n;
};

struct merge {
    struct spool *runs_spool;
    size_t record_size;
    struct run *runs;
    struct run **heap; /* the smallest head first; empty runs are not in it */
    size_t run_count, heap_count;
};

static void merge_clear(struct merge *merge)
{
    for (size_t i = 0; merge->runs != NULL && i < merge->run_count; i++) {
        free(merge->runs[i].window);
    }
    free(merge->runs);
    free(merge->heap);
    spool_free(merge->runs_spool);
}
DEFINE_AUTO_VAL(merge, merge_clear);

static size_t run_bytes(size_t record_size)
{
    return RUN_BYTES / record_size * record_size;
}

static err_t sort_runs(struct spool *in, int64_t size, size_t record_size, struct spool *out)
{
    AUTO_VAL(buf) run = {0};
    TRY(spool_go(in, 0));
    for (int64_t at = 0; at < size;) {
        int64_t left = size - at;
        size_t n = left < (int64_t)run_bytes(record_size) ? (size_t)left : run_bytes(record_size);
        run.n = 0;
        TRY(buf_reserve(&run, n));
        TRY(spool_read(in, run.p, n));
        qsort_r(run.p, n / record_size, record_size, compare, &record_size);
        TRY(spool_write(out, run.p, n));
        at += (int64_t)n;
    }
    return OK;
}

static const uint8_t *head_of(const struct run *run)
{
    return run->window + run->from;
}

/* @return whether the run has a head */
static err_t fill_window(struct merge *merge, struct run *run, bool *has_head)
{
    size_t window = WINDOW_BYTES / merge->record_size * merge->record_size;
    *has_head = run->from < run->n;
    if (*has_head || run->at == run->end) {
        return OK;
    }
    int64_t left = run->end - run->at;
    run->n = left < (int64_t)window ? (size_t)left : window;
    run->from = 0;
    TRY(spool_read_at(merge->runs_spool, run->at, run->window, run->n));
    run->at += (int64_t)run->n;
    *has_head = true;
    return OK;
}

static void sink(struct merge *merge, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < merge->heap_count; child++) {
            if (memcmp(head_of(merge->heap[child]), head_of(merge->heap[least]), merge->record_size) < 0) {
                least = child;
            }
        }
        if (least == at) {
            return;
        }
        struct run *run = merge->heap[at];
        merge->heap[at] = merge->heap[least];
        merge->heap[least] = run;
        at = least;
    }
}

static err_t open_runs(struct merge *merge, int64_t size)
{
    int64_t bytes = (int64_t)run_bytes(merge->record_size);
    merge->run_count = (size_t)((size + bytes - 1) / bytes);
    merge->runs = calloc(merge->run_count + 1, sizeof *merge->runs);
    merge->heap = calloc(merge->run_count + 1, sizeof(struct run *));
    ENSURE(merge->runs != NULL && merge->heap != NULL, ERR_NO_MEMORY, "no memory for a merge");
    for (size_t i = 0; i < merge->run_count; i++) {
        struct run *run = &merge->runs[i];
        bool has_head = false;
        run->at = (int64_t)i * bytes;
        run->end = run->at + bytes < size ? run->at + bytes : size;
        run->window = malloc(WINDOW_BYTES);
        ENSURE(run->window != NULL, ERR_NO_MEMORY, "no memory for a merge");
        TRY(fill_window(merge, run, &has_head));
        merge->heap[merge->heap_count++] = run;
    }
    for (size_t i = merge->heap_count; i > 0; i--) {
        sink(merge, i - 1);
    }
    return OK;
}

static err_t merge_runs(struct merge *merge, struct spool *out)
{
    while (merge->heap_count > 0) {
        struct run *run = merge->heap[0];
        bool has_head = false;
        TRY(spool_write(out, head_of(run), merge->record_size));
        run->from += merge->record_size;
        TRY(fill_window(merge, run, &has_head));
        if (!has_head) {
            merge->heap[0] = merge->heap[--merge->heap_count];
        }
        sink(merge, 0);
    }
    return OK;
}

err_t spool_sort(struct spool *in, size_t record_size, const char *folder, struct spool **out)
{
    ENSURE(record_size >= 1 && record_size <= SPOOL_RECORD_MAX, ERR_INTERNAL, "records of %zu bytes",
           record_size);
    AUTO_PTR(spool) *sorted = NULL;
    AUTO_VAL(merge) merge = {.record_size = record_size};
    int64_t size = spool_at(in);
    *out = NULL;
    TRY(spool_new(folder, &sorted));
    if (size <= (int64_t)run_bytes(record_size)) {
        TRY(sort_runs(in, size, record_size, sorted));
    } else {
        TRY(spool_new(folder, &merge.runs_spool));
        TRY(sort_runs(in, size, record_size, merge.runs_spool));
        TRY(spool_go(merge.runs_spool, 0)); /* what is buffered is written now */
        TRY(open_runs(&merge, size));
        TRY(merge_runs(&merge, sorted));
    }
    TRY(spool_go(sorted, 0));
    *out = TAKE(sorted);
    return OK;
}
