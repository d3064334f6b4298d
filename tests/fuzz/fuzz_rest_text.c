/* Small texts of the REST interface: Accept, networks of a token, trust anchors, ids and types of events.
 * What was accepted once is accepted in its canonical form too. */
#include <stdlib.h>
#include <string.h>

#include "api/accept.h"
#include "fleet/events.h"
#include "fleet/sources.h"
#include "pki/trust_anchors.h"
#include "tests/fuzz/fuzz.h"

static void check_accept(const char *text)
{
    static const char *const offers[] = {"application/json", "text/plain"};
    if (accept_choose(text, offers, 2) > 1) {
        abort();
    }
}

static void check_sources(const char *text)
{
    char list[SOURCES_SIZE] = "";
    char again[SOURCES_SIZE] = "";
    if (sources_add(bytes_str(text), list).code != ERR_OK) {
        return;
    }
    if (sources_add(bytes_str(list), again).code != ERR_OK || strcmp(list, again) != 0) {
        abort();
    }
    *strchr(again, '/') = '\0';
    if (!sources_allow(list, again)) {
        abort();
    }
}

static void check_anchors(struct bytes text)
{
    AUTO_VAL(buf) once = {0};
    AUTO_VAL(buf) twice = {0};
    if (trust_anchors_read(text, &once).code != ERR_OK) {
        return;
    }
    if (trust_anchors_read(buf_view(&once), &twice).code != ERR_OK ||
        !bytes_equal(buf_view(&once), buf_view(&twice))) {
        abort();
    }
}

static void check_event(struct bytes text)
{
    struct audit_place place;
    struct event_filter filter = {.type_count = 0};
    char again[EVENT_ID_SIZE];
    if (event_id_parse(text, &place).code == ERR_OK) {
        audit_event_id(&place, again);
        if (!bytes_is(text, again)) { /* one event, one name */
            abort();
        }
    }
    if (event_filter_add(&filter, text).code == ERR_OK &&
        event_filter_add(&filter, bytes_str(filter.types[0])).code != ERR_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = calloc(1, size + 1);
    if (text == NULL) {
        return 0;
    }
    if (size > 0) {
        memcpy(text, data, size);
    }
    check_accept(text);
    check_sources(text);
    check_anchors((struct bytes){data, size});
    check_event((struct bytes){data, size});
    free(text);
    return 0;
}
