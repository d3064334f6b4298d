/* Users, read. */
#include <stdlib.h>

#include "db/role_rows.h"
#include "fleet/internal.h"
#include "fleet/users.h"

struct find {
    struct uuid tenant, id;
    struct bytes name; /* p NULL: by id */
    struct user_view *out;
};

static err_t find_in(struct db_tx *tx, void *arg)
{
    const struct find *run = arg;
    struct user_view *view = run->out;
    if (run->name.p != NULL) {
        TRY(person_rows_find_by_name(tx, run->tenant, run->name, &view->person));
    } else {
        TRY(person_rows_find(tx, run->id, &view->person));
    }
    ENSURE(uuid_equal(view->person.tenant, run->tenant), ERR_NOT_FOUND, "no such user");
    return role_rows_of_person(tx, view->person.id, &view->roles, &view->scopes);
}

err_t user_get(struct fleet *fleet, struct uuid tenant, struct uuid id, struct user_view *out)
{
    struct find run = {.tenant = tenant, .id = id, .out = out};
    return db_read(fleet->db, find_in, &run);
}

err_t user_find(struct fleet *fleet, struct uuid tenant, struct bytes name, struct user_view *out)
{
    struct find run = {.tenant = tenant, .name = name, .out = out};
    return db_read(fleet->db, find_in, &run);
}

/* The people first, their roles then: a statement is not run inside of another. */
struct list {
    struct uuid tenant;
    const struct person_filter *filter;
    const struct row_window *window;
    err_t (*fn)(const struct user_view *view, void *arg);
    void *arg;
    struct person_row *people;
    size_t count;
};

static err_t take(const struct person_row *row, void *arg)
{
    struct list *run = arg;
    run->people[run->count++] = *row;
    return OK;
}

static err_t list_in(struct db_tx *tx, void *arg)
{
    struct list *run = arg;
    run->count = 0;
    if (run->filter->role.p != NULL) {
        struct role_row role;
        TRY(role_rows_find(tx, run->tenant, run->filter->role, &role));
    }
    TRY(person_rows_list(tx, run->tenant, run->filter, run->window, take, run));
    for (size_t i = 0; i < run->count; i++) {
        struct user_view view = {.person = run->people[i]};
        TRY(role_rows_of_person(tx, view.person.id, &view.roles, &view.scopes));
        TRY(run->fn(&view, run->arg));
    }
    return OK;
}

err_t user_list(struct fleet *fleet, struct uuid tenant, const struct person_filter *filter,
                const struct row_window *window, err_t (*fn)(const struct user_view *view, void *arg),
                void *arg)
{
    struct list run = {.tenant = tenant, .filter = filter, .window = window, .fn = fn, .arg = arg};
    run.people = calloc((size_t)window->limit, sizeof *run.people);
    ENSURE(run.people != NULL, ERR_NO_MEMORY, "a page of users");
    err_t error = db_read(fleet->db, list_in, &run);
    free(run.people);
    return error;
}
