/* Rows of roles: statements and reading. No rules here. */
#include "db/role_rows.h"

#include <string.h>

#include "db/row_values.h"

#define COLUMNS "tenant, name, description, scopes, is_builtin, created_at, updated_at, ver"

static const char SQL_INSERT[] = "INSERT INTO role (" COLUMNS ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                                 "ON CONFLICT (tenant, name) DO NOTHING";
static const char SQL_UPDATE[] = "UPDATE role SET description = $3, scopes = $4, updated_at = $5, ver = $6 "
                                 "WHERE tenant = $1 AND name = $2";
static const char SQL_DELETE[] = "DELETE FROM role WHERE tenant = $1 AND name = $2";
static const char SQL_FIND[] = "SELECT " COLUMNS " FROM role WHERE tenant = $1 AND name = $2";
static const char SQL_LIST[] =
    "SELECT " COLUMNS " FROM role WHERE tenant = $1 AND name > $2 ORDER BY name LIMIT $3";
static const char SQL_IN_USE[] = "SELECT 1 FROM person_role WHERE tenant = $1 AND role = $2 LIMIT 1";
static const char SQL_UNASSIGN[] = "DELETE FROM person_role WHERE person = $1";
static const char SQL_ASSIGN[] = "INSERT INTO person_role (tenant, role, person) VALUES ($1, $2, $3)";
static const char SQL_OF_PERSON[] =
    "SELECT r.name, r.scopes FROM person_role p JOIN role r ON r.tenant = p.tenant AND r.name = p.role "
    "WHERE p.person = $1 ORDER BY r.name";

err_t role_rows_insert(struct db_tx *tx, const struct role_row *row)
{
    int64_t changes = 0;
    TRY(db_change(tx, SQL_INSERT,
                  DB_VALUES(db_uuid(&row->tenant), DB_T(row->name), DB_T(row->description), DB_I(row->scopes),
                            db_flag(row->is_builtin), DB_I(row->created_at), DB_I(row->updated_at),
                            DB_I(row->ver)),
                  &changes));
    ENSURE(changes == 1, ERR_CONFLICT, "a role named %s is there already", row->name);
    return OK;
}

err_t role_rows_update(struct db_tx *tx, const struct role_row *row)
{
    return db_change(tx, SQL_UPDATE,
                     DB_VALUES(db_uuid(&row->tenant), DB_T(row->name), DB_T(row->description),
                               DB_I(row->scopes), DB_I(row->updated_at), DB_I(row->ver)),
                     NULL);
}

err_t role_rows_delete(struct db_tx *tx, struct uuid tenant, struct bytes name)
{
    return db_change(tx, SQL_DELETE, DB_VALUES(db_uuid(&tenant), db_text(name)), NULL);
}

static err_t read_role(const struct db_row *row, void *arg)
{
    struct role_row *out = arg;
    *out = (struct role_row){.scopes = (uint32_t)db_row_int(row, 3),
                             .is_builtin = db_row_int(row, 4) != 0,
                             .created_at = db_row_int(row, 5),
                             .updated_at = db_row_int(row, 6),
                             .ver = db_row_int(row, 7)};
    TRY(db_row_copy(row, 0, out->tenant.b, sizeof out->tenant.b));
    TRY(db_row_text(row, 1, out->name, sizeof out->name));
    return db_row_text(row, 2, out->description, sizeof out->description);
}

err_t role_rows_find(struct db_tx *tx, struct uuid tenant, struct bytes name, struct role_row *out)
{
    return db_find(tx, SQL_FIND, DB_VALUES(db_uuid(&tenant), db_text(name)), read_role, out, "role");
}

struct each {
    role_row_fn fn;
    void *arg;
};

static err_t on_each(const struct db_row *row, void *arg)
{
    const struct each *each = arg;
    struct role_row role;
    TRY(read_role(row, &role));
    return each->fn(&role, each->arg);
}

err_t role_rows_list(struct db_tx *tx, struct uuid tenant, const struct row_window *window, role_row_fn fn,
                     void *arg)
{
    struct each each = {.fn = fn, .arg = arg};
    return db_run(tx, SQL_LIST, DB_VALUES(db_uuid(&tenant), db_text(window->after), DB_I(window->limit)),
                  on_each, &each);
}

err_t role_rows_in_use(struct db_tx *tx, struct uuid tenant, struct bytes name, bool *out)
{
    return db_exists(tx, SQL_IN_USE, DB_VALUES(db_uuid(&tenant), db_text(name)), out);
}

err_t role_rows_assign(struct db_tx *tx, struct uuid tenant, struct uuid person,
                       const struct role_names *roles)
{
    TRY(db_change(tx, SQL_UNASSIGN, DB_VALUES(db_uuid(&person)), NULL));
    for (size_t i = 0; i < roles->count; i++) {
        TRY(db_change(tx, SQL_ASSIGN, DB_VALUES(db_uuid(&tenant), DB_T(roles->names[i]), db_uuid(&person)),
                      NULL));
    }
    return OK;
}

struct of_person {
    struct role_names *roles;
    uint32_t *scopes;
};

static err_t add_role(const struct db_row *row, void *arg)
{
    const struct of_person *run = arg;
    *run->scopes |= (uint32_t)db_row_int(row, 1);
    if (run->roles == NULL) {
        return OK;
    }
    ENSURE(run->roles->count < PERSON_ROLES_MAX, ERR_DB, "a person has more than %d roles", PERSON_ROLES_MAX);
    return db_row_text(row, 0, run->roles->names[run->roles->count++], NAME_SIZE);
}

err_t role_rows_of_person(struct db_tx *tx, struct uuid person, struct role_names *roles, uint32_t *scopes)
{
    struct of_person run = {.roles = roles, .scopes = scopes};
    *scopes = 0;
    if (roles != NULL) {
        roles->count = 0;
    }
    return db_run(tx, SQL_OF_PERSON, DB_VALUES(db_uuid(&person)), add_role, &run);
}
