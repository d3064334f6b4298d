/* Small texts of requests that have a reader of their own: the signed address of an image (its path and
 * query, through the router, as from a socket), the number of Upload-Offset, DDI's actionHistory. What was
 * accepted is written and read again as the same. Input: the address, then a line of text. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "api/request_words.h"
#include "server/exchange.h"
#include "server/internal.h"
#include "tests/fuzz/fuzz.h"

#define BASE  "/device/v1/"
#define ROUTE BASE "firmware/signed/{sha256}"

enum { ARENA_MOST = 1 << 18, TEXT_SIZE = 64 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* @return whether it is such an address, and a good one */
static bool read_address(struct router *router, const char *target, struct firmware_url *out)
{
    AUTO_PTR(arena) *arena = NULL;
    struct server *server = calloc(1, sizeof *server);
    struct exchange *x = calloc(1, sizeof *x + strlen(target) + 1);
    must(server != NULL && x != NULL && arena_new(ARENA_MOST, &arena).code == ERR_OK);
    memcpy(x->target, target, strlen(target) + 1);
    server->router = router;
    x->server = server;
    x->request = (struct request){.listener = LISTENER_DEVICE, .method = HTTP_GET, .arena = arena};
    bool is_good = http_request_route(x).code == ERR_OK && strcmp(x->request.route->path, ROUTE) == 0;
    if (is_good) {
        err_t error = words_signed_read(&x->request, out);
        must(error.code == ERR_OK || error.code == ERR_NOT_FOUND || error.code == ERR_FORBIDDEN);
        is_good = error.code == ERR_OK;
    }
    free(x);
    free(server);
    return is_good;
}

static bool is_same(const struct firmware_url *a, const struct firmware_url *b)
{
    return memcmp(a->digest.b, b->digest.b, sizeof a->digest.b) == 0 &&
           memcmp(a->device.b, b->device.b, sizeof a->device.b) == 0 &&
           strcmp(a->authority, b->authority) == 0 && memcmp(a->serial, b->serial, sizeof a->serial) == 0 &&
           a->expires_s == b->expires_s && a->key == b->key &&
           memcmp(a->signature.b, b->signature.b, sizeof a->signature.b) == 0;
}

/* An authority's name of other characters than ours has none that a query would change. */
static bool is_plain(const char *text)
{
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~")] == '\0';
}

static void check_address(const char *target)
{
    size_t count = 0;
    const struct route_table *tables = api_routes(&count);
    AUTO_PTR(router) *router = NULL;
    AUTO_VAL(buf) again = {0};
    struct firmware_url url, twice;
    must(router_new(tables, count, &router).code == ERR_OK);
    if (!read_address(router, target, &url)) {
        return;
    }
    must(url.expires_s >= 0 && url.key >= 0 && url.authority[0] != '\0');
    must(strlen(url.authority) < sizeof url.authority);
    if (is_plain(url.authority)) {
        must(buf_append_str(&again, BASE).code == ERR_OK && words_signed_write(&url, &again).code == ERR_OK);
        must(read_address(router, buf_str(&again), &twice) && is_same(&url, &twice));
    }
}

static void check_numbers(const char *text)
{
    char again[TEXT_SIZE];
    int64_t number = -1;
    int64_t twice = -1;
    if (words_number(text, &number)) {
        must(number >= 0 && number < 1000000000000000 && strspn(text, "0123456789") == strlen(text));
        (void)snprintf(again, sizeof again, "%" PRId64, number);
        must(words_number(again, &twice) && number == twice && strlen(again) <= strlen(text));
        must(words_history(text) == number);
    } else {
        must(number == -1); /* nothing is half taken */
    }
    (void)snprintf(again, sizeof again, "%ld", words_history(text));
    must(words_history(again) == words_history(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(buf) text = {0};
    must(buf_append(&text, data, size).code == ERR_OK);
    if (size == 0 || memchr(data, '\0', size) != NULL || buf_str(&text) == NULL) {
        return 0; /* the filter in front lets none by */
    }
    char *line = strchr((char *)text.p, '\n');
    if (line != NULL) {
        *line = '\0';
        check_numbers(line + 1);
    }
    check_address((const char *)text.p);
    return 0;
}
