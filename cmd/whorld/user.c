/* `whorld user`: the first person of an installation, or one who lost everything, is invited by whoever has
 * the data directory. The rest of their life is in the API. */
#include <stdio.h>
#include <string.h>

#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "fleet/names.h"
#include "fleet/registry.h"
#include "fleet/roles.h"
#include "fleet/users.h"

static const struct actor ACTOR = {.name = "whorld", .request_id = ""};

struct user_words {
    const char *dir, *tenant, *name, *role;
};

static int usage(void)
{
    (void)fputs("usage: whorld user add --dir DIR --name NAME [--tenant NAME] [--role NAME]\n"
                "       whorld user reset --dir DIR --name NAME [--tenant NAME]\n",
                stderr);
    return EXIT_USAGE;
}

static err_t add(struct fleet *fleet, const struct user_order *order, const struct user_words *words,
                 struct invitation *out)
{
    struct user_view view;
    struct user_wish wish = {.name = bytes_str(words->name), .has_roles = true, .roles = {.count = 1}};
    const char *role = words->role != NULL ? words->role : ROLE_ADMIN;
    TRY(name_check(bytes_str(role), "role name"));
    name_copy(bytes_str(role), wish.roles.names[0]);
    return user_create(fleet, order, &wish, out, &view);
}

static err_t reset(struct fleet *fleet, struct user_order *order, const struct user_words *words,
                   struct invitation *out)
{
    struct user_view view;
    TRY(user_find(fleet, order->terms->tenant, bytes_str(words->name), &view));
    order->id = view.person.id;
    return user_reset(fleet, order, out, &view);
}

static err_t run(struct house *house, bool is_add, const struct user_words *words)
{
    struct tenant_row tenant;
    struct faults faults = {.count = 0};
    struct invitation invitation = {.text = ""};
    char until[32];
    TRY(house_open(words->dir, HOUSE_ADMIN, house));
    TRY(tenant_find(house->fleet, words->tenant != NULL ? words->tenant : "default", &tenant));
    const struct terms terms = {.tenant = tenant.id, .actor = ACTOR, .faults = &faults};
    struct user_order order = {.terms = &terms, .caller_scopes = scopes_all()};
    TRY(is_add ? add(house->fleet, &order, words, &invitation)
               : reset(house->fleet, &order, words, &invitation));
    time_format(invitation.expires_at, until);
    printf("%s\n", invitation.text);
    (void)fprintf(stderr,
                  "Invitation of %s in tenant %s, shown this once, good until %s.\n"
                  "Take it up at POST /api/v1/invitations/accept (docs/access.md).\n",
                  words->name, tenant.name, until);
    bytes_wipe(&invitation, sizeof invitation);
    return OK;
}

int command_user(int argc, char **argv)
{
    struct user_words w = {.dir = NULL};
    const struct option_spec specs[] = {
        {.name = "dir", .value = &w.dir},
        {.name = "tenant", .value = &w.tenant},
        {.name = "name", .value = &w.name},
        {.name = "role", .value = &w.role},
    };
    if (argc < 1 || !options_read(argc - 1, argv + 1, specs, 4) || w.dir == NULL || w.name == NULL) {
        return usage();
    }
    bool is_add = strcmp(argv[0], "add") == 0;
    if (!is_add && (strcmp(argv[0], "reset") != 0 || w.role != NULL)) {
        return usage();
    }
    AUTO_VAL(house) house = {0};
    err_t error = run(&house, is_add, &w);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
