/* The stage of the writer's tests: an inventory on the shim, callers on threads of their own, and a gate that
 * holds the writer until a group of known closures waits. */
#ifndef TESTS_DB_WRITER_SCENE_H
#define TESTS_DB_WRITER_SCENE_H

#include <pthread.h>

#include "tests/unit/db/vfs_shim.h"

struct scene {
    struct fixture f;
    struct shim shim;
};

static inline int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    fixture_make(&s->f);
    shim_register(&s->shim, &s->f);
    fixture_open(&s->f);
    *state = s;
    return 0;
}

static inline int tear_down(void **state)
{
    struct scene *s = *state;
    fixture_remove(&s->f);
    shim_unregister(&s->shim);
    free(s);
    return 0;
}

/* --- callers, each on a thread of its own --- */

struct caller {
    struct fixture *f;
    db_fn fn;
    void *arg;
    err_t result;
    pthread_t thread;
};

static inline void *caller_main(void *arg)
{
    struct caller *c = arg;
    c->result = db_write(c->f->db, c->fn, c->arg);
    return NULL;
}

static inline void caller_start(struct caller *c, struct fixture *f, db_fn fn, void *arg)
{
    *c = (struct caller){.f = f, .fn = fn, .arg = arg};
    assert_int_equal(pthread_create(&c->thread, NULL, caller_main, c), 0);
}

static inline err_code caller_end(struct caller *c)
{
    assert_int_equal(pthread_join(c->thread, NULL), 0);
    return c->result.code;
}

static inline void wait_for_queue(struct fixture *f, int64_t depth)
{
    struct db_stats stats = {0};
    for (int i = 0; i < 5000 && stats.queue_depth < depth; i++) {
        sleep_ms(1);
        db_stats_read(f->db, &stats);
    }
    assert_int_equal(stats.queue_depth, depth);
}

/* Holds the writer inside a closure until the gate opens: what is queued meanwhile becomes one group. */
struct gate {
    atomic_bool is_entered, is_open;
    struct caller caller;
};

static inline err_t gate_closure(struct db_tx *tx, void *arg)
{
    (void)tx;
    struct gate *gate = arg;
    atomic_store(&gate->is_entered, true);
    while (!atomic_load(&gate->is_open)) {
        sleep_ms(1);
    }
    return OK;
}

static inline void gate_close(struct gate *gate, struct fixture *f)
{
    atomic_store(&gate->is_entered, false);
    atomic_store(&gate->is_open, false);
    caller_start(&gate->caller, f, gate_closure, gate);
    while (!atomic_load(&gate->is_entered)) {
        sleep_ms(1);
    }
}

static inline void gate_open(struct gate *gate)
{
    atomic_store(&gate->is_open, true);
    assert_int_equal(caller_end(&gate->caller), ERR_OK);
}

#endif
