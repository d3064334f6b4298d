/* `whorld ca request`: what others must sign, as files. With --new, key and request of a new issuing
 * authority; with --issuer, all that one of our roots must sign now, as the file that travels to its key. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "cmd/whorld/ca.h"
#include "cmd/whorld/house.h"
#include "fleet/authority_request.h"
#include "pki/name_constraints.h"
#include "pki/request_text.h"

enum { LIFETIME_DAYS = 3652, CRL_DAYS = 180 };
static const struct actor ACTOR = {.name = "whorld", .request_id = ""};

struct words {
    const char *dir, *out, *id, *role, *issuer, *lifetime_days, *crl_days, *permitted_dns;
};

static err_t days_of(const char *text, const char *option, int64_t *days)
{
    char *end = NULL;
    if (text != NULL) {
        *days = strtol(text, &end, 10);
        ENSURE(text[0] >= '0' && text[0] <= '9' && *end == '\0' && *days >= 1 && *days <= CEREMONY_DAYS_MAX,
               ERR_UNPROCESSABLE, "--%s: a number of days", option);
    }
    return OK;
}

static err_t write_in(const char *folder, const char *name, struct bytes content)
{
    AUTO(char) *path = NULL;
    TRY(path_join(folder, name, &path));
    TRY(file_write_durable(path, content, 0644));
    printf("%s\n", path);
    return OK;
}

static err_t write_request(const char *folder, const char *id, struct bytes der)
{
    AUTO_VAL(buf) name = {0};
    AUTO_VAL(buf) pem = {0};
    TRY(buf_printf(&name, "%s.csr.pem", id));
    TRY(request_to_pem(der, &pem));
    return write_in(folder, buf_str(&name), buf_view(&pem));
}

/* "a.example.com,b.example.com", taken apart in place. */
struct names {
    char text[4096];
    const char *items[CONSTRAINTS_MAX];
    struct name_constraints all;
};

static err_t names_of(const char *list, struct names *out)
{
    char *rest = NULL;
    size_t n = strlen(list);
    ENSURE(n < sizeof out->text, ERR_TOO_LARGE, "--permitted-dns: the names are too long");
    memcpy(out->text, list, n + 1);
    out->all = (struct name_constraints){.permitted = out->items};
    for (char *at = strtok_r(out->text, ",", &rest); at != NULL; at = strtok_r(NULL, ",", &rest)) {
        ENSURE(out->all.permitted_count < CONSTRAINTS_MAX, ERR_UNPROCESSABLE,
               "--permitted-dns: at most %d names", CONSTRAINTS_MAX);
        out->items[out->all.permitted_count++] = at;
    }
    return OK;
}

static err_t request_new(struct house *house, const struct words *words)
{
    AUTO_VAL(buf) request = {0};
    struct authority_wish wish = {.id = words->id,
                                  .issuer = words->issuer != NULL ? words->issuer : "",
                                  .organisation = house->config.name,
                                  .key_alg = KEY_ALG_P256};
    struct names names;
    err_t known = authority_role_parse(words->role, &wish.role);
    ENSURE(known.code == ERR_OK, ERR_UNPROCESSABLE, "--role: device, infrastructure or edge");
    ENSURE((wish.role == AUTHORITY_EDGE) == (words->permitted_dns != NULL), ERR_UNPROCESSABLE,
           "--permitted-dns: the role edge needs the DNS names that it may certify, and no other has any");
    if (words->permitted_dns != NULL) {
        TRY(names_of(words->permitted_dns, &names));
        wish.names = &names.all;
    }
    TRY(authority_request(house->fleet, &ACTOR, &wish, &request));
    return write_request(words->out, words->id, buf_view(&request));
}

static err_t write_ceremony(struct house *house, const struct words *words)
{
    AUTO_PTR(ceremony) *ceremony = NULL;
    AUTO_VAL(buf) text = {0};
    AUTO_VAL(buf) name = {0};
    struct ceremony_wish wish = {
        .issuer = words->issuer, .lifetime_days = LIFETIME_DAYS, .crl_days = CRL_DAYS};
    TRY(days_of(words->lifetime_days, "lifetime-days", &wish.lifetime_days));
    TRY(days_of(words->crl_days, "crl-days", &wish.crl_days));
    TRY(authority_ceremony(house->fleet, &wish, &ceremony));
    for (size_t i = 0; i < ceremony->certificate_count; i++) {
        const struct ceremony_certificate *item = &ceremony->certificates[i];
        TRY(item->kind == CEREMONY_ISSUING ? write_request(words->out, item->authority, buf_view(&item->der))
                                           : OK);
    }
    TRY(ceremony_write(ceremony, &text));
    TRY(buf_printf(&name, "%s.ceremony.json", words->issuer));
    return write_in(words->out, buf_str(&name), buf_view(&text));
}

static err_t run(const struct words *words)
{
    AUTO_VAL(house) house = {0};
    TRY(house_open(words->dir, HOUSE_ADMIN, &house));
    err_t made = folder_make(words->out, 0700);
    ENSURE(made.code == ERR_OK || made.code == ERR_CONFLICT, made.code, "%s", made.detail);
    if (words->id != NULL) {
        TRY(request_new(&house, words));
    }
    return words->issuer != NULL ? write_ceremony(&house, words) : OK;
}

int command_ca_request(int argc, char **argv)
{
    struct words words = {.dir = NULL};
    const struct option_spec specs[] = {
        {.name = "dir", .value = &words.dir},
        {.name = "out", .value = &words.out},
        {.name = "new", .value = &words.id},
        {.name = "role", .value = &words.role},
        {.name = "issuer", .value = &words.issuer},
        {.name = "lifetime-days", .value = &words.lifetime_days},
        {.name = "crl-days", .value = &words.crl_days},
        {.name = "permitted-dns", .value = &words.permitted_dns},
    };
    bool is_good = options_read(argc, argv, specs, 8) && words.dir != NULL && words.out != NULL &&
                   (words.id != NULL) == (words.role != NULL) && (words.id != NULL || words.issuer != NULL);
    if (!is_good) {
        (void)fputs(
            "usage: whorld ca request --dir DIR --out FOLDER [--new ID --role device|infrastructure|edge] "
            "[--issuer ROOT]\n"
            "                         [--permitted-dns NAME,…] [--lifetime-days N] [--crl-days N]\n",
            stderr);
        return EXIT_USAGE;
    }
    err_t error = run(&words);
    return error.code == ERR_OK ? EXIT_OK : fail(error);
}
