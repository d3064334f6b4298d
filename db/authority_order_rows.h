/* Rows of orders for CA keys that are under way: what is to be made for an authority that is pending. */
#ifndef WHORL_DB_AUTHORITY_ORDER_ROWS_H
#define WHORL_DB_AUTHORITY_ORDER_ROWS_H

#include "db/db.h"
#include "db/rows.h"

enum { AUTHORITY_NAMES_SIZE = 2048, AUTHORITY_FAILURE_SIZE = 192, ORDER_REQUEST_ID_SIZE = 64 };

enum authority_order_kind {
    AUTHORITY_ORDER_CREATE, /* it stands by when it is made */
    AUTHORITY_ORDER_ROLL,   /* it takes its predecessor's place at once */
    AUTHORITY_ORDER_REPLACE /* the same for a compromised one */
};

struct authority_order_row {
    char authority[AUTHORITY_ID_SIZE];
    enum authority_order_kind kind;
    uint32_t key_algorithm;                   /* key_algorithm_bit() */
    int64_t lifetime_days;                    /* 0: as its role has it */
    char permitted_dns[AUTHORITY_NAMES_SIZE]; /* a JSON list, or "" */
    bool is_external;                         /* somebody else signs: a request is made of the key */
    char failure[AUTHORITY_FAILURE_SIZE];     /* of the last attempt, or "" */
    int64_t attempt_at;                       /* 0: none yet */
    char actor[ACTOR_SIZE], request_id[ORDER_REQUEST_ID_SIZE];
    int64_t created_at;
};
typedef err_t (*authority_order_row_fn)(const struct authority_order_row *row, void *arg);

/** @errors ERR_CONFLICT one is under way for this authority @thread of tx, like all functions here */
err_t authority_order_rows_insert(struct db_tx *tx, const struct authority_order_row *row);
/** @errors ERR_NOT_FOUND */
err_t authority_order_rows_find(struct db_tx *tx, const char *authority, struct authority_order_row *out);
/** Up to `limit` behind an id, in order of id. */
err_t authority_order_rows_list(struct db_tx *tx, const struct row_window *window, authority_order_row_fn fn,
                                void *arg);
/** Keeps when it was tried, and why it failed. */
err_t authority_order_rows_note(struct db_tx *tx, const struct authority_order_row *row);
/** @param[out] is_gone false: there was none */
err_t authority_order_rows_delete(struct db_tx *tx, const char *authority, bool *is_gone);

#endif
