/* Rows about people as plain values: roles, persons, sessions. Which functions read and change them is in
 * db/<name>_rows.h. */
#ifndef WHORL_DB_PEOPLE_H
#define WHORL_DB_PEOPLE_H

#include "db/rows.h"

enum { ROLE_DESCRIPTION_SIZE = 257 };

/* A named set of scopes of one tenant. */
struct role_row {
    struct uuid tenant;
    char name[NAME_SIZE];
    char description[ROLE_DESCRIPTION_SIZE];
    uint32_t scopes;
    bool is_builtin; /* every tenant has it: it cannot be removed */
    int64_t created_at, updated_at, ver;
};

enum person_state {
    PERSON_INVITED, /* has an invitation, and nothing to log in with yet */
    PERSON_ACTIVE,
    PERSON_DISABLED
};
enum {
    PERSON_STATES = 3,
    PERSON_DISPLAY_SIZE = 129,
    PASSWORD_HASH_SIZE = 160, /* a PHC string */
    TOTP_SEALED_MAX = 64,
    PERSON_ROLES_MAX = 16,
    RECOVERY_CODES = 8,
    SESSION_ADDRESS_SIZE = 46
};

struct person_row {
    struct uuid id, tenant;
    char name[NAME_SIZE]; /* to log in with */
    char display_name[PERSON_DISPLAY_SIZE];
    enum person_state state;
    char password[PASSWORD_HASH_SIZE]; /* PHC string; "" when there is none */
    uint8_t totp_sealed[TOTP_SEALED_MAX];
    size_t totp_size;    /* 0: none */
    int64_t totp_step;   /* the last one that was taken: none up to it is taken again */
    bool has_invitation; /* open, maybe expired */
    uint8_t invitation_id[TOKEN_ID_SIZE], invitation_sha256[32];
    int64_t invitation_expires_at, activated_at, last_login_at, created_at, updated_at, ver;
};

/* The roles of a person, by name. */
struct role_names {
    char names[PERSON_ROLES_MAX][NAME_SIZE];
    size_t count;
};

struct session_row {
    uint8_t id[TOKEN_ID_SIZE];
    struct uuid tenant, person;
    uint8_t secret_sha256[32];
    char address[SESSION_ADDRESS_SIZE]; /* where the person logged in from */
    int64_t created_at, expires_at, last_used_at;
    char person_name[NAME_SIZE]; /* as read; not stored here */
};

#endif
