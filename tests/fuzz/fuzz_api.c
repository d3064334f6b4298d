/* The management API behind the HTTP library, on a whole fleet with its inventory: whatever a body, a query
 * or an object's name is, no operation fails inside, each refusal is a problem that says so, and what was
 * refused has changed nothing. So every reader of a body is reached, those inside of transactions too. Input:
 * "METHOD /path/{template}", a line for the template's first name, a line of the query, then the body. */
#include "tests/unit/api/api_fixture.h"

#include "base/utf8.h"
#include "server/exchange.h"
#include "tests/fuzz/fuzz.h"

enum { LIVES = 2000, STEP_MS = 200, QUERIES = 4 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* A house serves many inputs, then a new one: what was made slows it down. */
static struct house *house_for_next(void)
{
    static struct house *house; /* NOLINT: of this program alone, which has no end of its own */
    static int lives;
    void *made = house;
    if (house != NULL && ++lives % LIVES == 0) {
        must(house_teardown(&made) == 0);
        house = NULL;
    }
    if (house == NULL) {
        must(house_setup(&made) == 0);
        house = made;
    }
    return house;
}

static const struct route *route_of(const char *line)
{
    size_t tables = 0;
    const struct route_table *table = api_routes(&tables);
    const char *path = strchr(line, ' ');
    for (size_t t = 0; t < tables && path != NULL; t++) {
        for (size_t i = 0; i < table[t].count; i++) {
            const struct route *route = &table[t].routes[i];
            char head[16];
            (void)snprintf(head, sizeof head, "%.*s", (int)(path - line < 15 ? path - line : 15), line);
            if (strcmp(route->path, path + 1) == 0 && route->method == http_method_of(head) &&
                route->access == ACCESS_CALLER) {
                return route;
            }
        }
    }
    return NULL;
}

/* "a=b&c=d", as it is: what decodes it has a target of its own. */
static void query_of(char *text, struct http_field query[QUERIES])
{
    char *rest = NULL;
    size_t count = 0;
    for (char *pair = strtok_r(text, "&", &rest); pair != NULL && count < QUERIES;
         pair = strtok_r(NULL, "&", &rest)) {
        char *mark = strchr(pair, '=');
        if (mark != NULL) {
            *mark = '\0';
            query[count++] = (struct http_field){pair, mark + 1};
        }
    }
}

static void check_answer(const struct reply *reply, int status)
{
    must(status >= 200 && status != 500 && status < 504);
    if (status >= 400) {
        must(reply->json != NULL && json_integer_value(json_object_get(reply->json, "status")) == status);
        must(text_at(reply, "title")[0] != '\0');
    }
}

static void check(const struct route *route, const char *name, char *query, struct bytes body)
{
    struct house *h = house_for_next();
    AUTO_VAL(reply) reply = {.json = NULL};
    struct call call = {.method = route->method,
                        .route = route->path,
                        .param = name,
                        .param2 = name,
                        .token = h->admin,
                        .type = body.n > 0 ? "application/json" : NULL,
                        .body = body,
                        .headers = {{"if-match", "*"}}};
    query_of(query, call.query);
    manual_clock_advance(&h->clock, STEP_MS);
    check_answer(&reply, send_call(h, &call, &reply));
}

/* The next line, ended where it ends. */
static char *next_line(char **at)
{
    char *line = *at;
    char *end = strchr(line, '\n');
    *at = end != NULL ? end + 1 : line + strlen(line);
    if (end != NULL) {
        *end = '\0';
    }
    return line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(buf) text = {0};
    must(buf_append(&text, data, size).code == ERR_OK);
    if (size == 0 || buf_str(&text) == NULL) {
        return 0;
    }
    char *at = (char *)text.p;
    const char *head = next_line(&at);
    const char *name = next_line(&at);
    char *query = next_line(&at);
    const struct route *route = route_of(head);
    size_t used = (size_t)(at - (char *)text.p);
    bool is_text = utf8_is_valid((struct bytes){data, used}); /* others end before they are routed */
    if (route != NULL && used <= size && is_text) {
        check(route, name, query, (struct bytes){(const uint8_t *)at, size - used});
    }
    return 0;
}
