/* URLs and lists of networks from outside, and how long an answer may be kept: what was accepted is inside
 * its limits, and an address has one form. */
#include <stdlib.h>
#include <string.h>

#include "outbound/internal.h"
#include "tests/fuzz/fuzz.h"

static void check_address(const struct ip *address)
{
    char text[IP_TEXT_SIZE];
    struct ip again;
    ip_format(address, text);
    if (!ip_read(text, &again) || !ip_equal(address, &again)) {
        abort();
    }
    (void)ip_special(address);
}

static void check_url(const char *text, bool allow_http)
{
    AUTO(CURLU) *handle = NULL;
    struct url url;
    if (url_read(text, allow_http, &handle, &url).code != ERR_OK) {
        return;
    }
    size_t n = strlen(url.host);
    if (n == 0 || n >= URL_HOST_SIZE || url.port < 1 || url.port > 65535 ||
        strpbrk(url.host, "@/?#[]% \r\n") != NULL || strlen(text) > URL_MAX) {
        abort();
    }
    if (url.is_address) {
        check_address(&url.address);
    }
}

static void check_networks(const char *text)
{
    struct networks networks;
    if (networks_read(text, &networks).code != ERR_OK) {
        return;
    }
    for (size_t i = 0; i < networks.count; i++) {
        if (!networks_hold(&networks, &networks.rows[i].first)) {
            abort();
        }
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
    check_url(text, false);
    check_url(text, true);
    check_networks(text);
    int64_t age = cache_max_age(text);
    if (age < -1 || age > MAX_AGE_CEILING_S) {
        abort();
    }
    free(text);
    return 0;
}
