/* CIDR lists as text: at most ten, so each request reads it anew. No name is resolved here. Called by the
 * services of tokens and by api/authn.c. */
#include "fleet/sources.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCE_SIZE = 44 /* the longest IPv6 text, "/128", NUL */, FOUR_BITS = 32, SIX_BITS = 128 };

struct network {
    uint8_t bytes[16];
    int bits, size; /* of the prefix; of the address: 32 or 128 */
};

static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

static bool read_address(const char *text, struct network *out)
{
    uint8_t six[16];
    *out = (struct network){.bits = FOUR_BITS, .size = FOUR_BITS};
    if (inet_pton(AF_INET, text, out->bytes) == 1) {
        return true;
    }
    if (inet_pton(AF_INET6, text, six) != 1) {
        return false;
    }
    if (memcmp(six, mapped, sizeof mapped) == 0) {
        memcpy(out->bytes, six + sizeof mapped, 4);
        return true;
    }
    *out = (struct network){.bits = SIX_BITS, .size = SIX_BITS};
    memcpy(out->bytes, six, sizeof six);
    return true;
}

static void clear_host(struct network *network)
{
    for (int bit = network->bits; bit < network->size; bit++) {
        network->bytes[bit / 8] &= (uint8_t) ~(0x80U >> (bit % 8));
    }
}

/* @param text a C string that is changed here */
static bool read_network(char *text, struct network *out)
{
    char *slash = strchr(text, '/');
    if (slash == NULL) {
        return read_address(text, out);
    }
    *slash = '\0';
    char *end = NULL;
    long bits = slash[1] >= '0' && slash[1] <= '9' ? strtol(slash + 1, &end, 10) : -1;
    bool is_good = read_address(text, out) && bits >= 0 && bits <= out->size && *end == '\0';
    if (is_good && !(out->size == FOUR_BITS && strchr(text, ':') != NULL)) {
        out->bits = (int)bits;
        clear_host(out);
        return true;
    }
    return false; /* a prefix of a mapped address is ambiguous: write it as IPv4 */
}

err_t sources_add(struct bytes text, char list[SOURCES_SIZE])
{
    char copy[SOURCE_SIZE];
    char address[INET6_ADDRSTRLEN];
    struct network network;
    ENSURE(text.n > 0 && text.n < sizeof copy && memchr(text.p, '\0', text.n) == NULL, ERR_UNPROCESSABLE,
           "a source is an address or a network like 192.0.2.0/24");
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    int family = AF_INET;
    ENSURE(read_network(copy, &network), ERR_UNPROCESSABLE,
           "a source is an address or a network like 192.0.2.0/24");
    family = network.size == FOUR_BITS ? AF_INET : AF_INET6;
    ENSURE(inet_ntop(family, network.bytes, address, sizeof address) != NULL, ERR_INTERNAL, "an address");
    size_t count = list[0] == '\0' ? 0 : 1;
    for (const char *p = list; *p != '\0'; p++) {
        count += *p == ',' ? 1U : 0U;
    }
    size_t n = strlen(list);
    ENSURE(count < SOURCES_MAX, ERR_UNPROCESSABLE, "there may be %d sources at most", SOURCES_MAX);
    (void)snprintf(list + n, SOURCES_SIZE - n, "%s%s/%d", n == 0 ? "" : ",", address, network.bits);
    return OK;
}

static bool contains(const struct network *network, const struct network *address)
{
    struct network masked = *address;
    masked.bits = network->bits;
    if (network->size != address->size) {
        return false;
    }
    clear_host(&masked);
    return memcmp(masked.bytes, network->bytes, sizeof masked.bytes) == 0;
}

bool sources_allow(const char *list, const char *address)
{
    char copy[SOURCES_SIZE];
    char *rest = NULL;
    struct network caller, network;
    if (list[0] == '\0') {
        return true;
    }
    if (!read_address(address, &caller)) {
        return false;
    }
    (void)snprintf(copy, sizeof copy, "%s", list);
    for (char *text = strtok_r(copy, ",", &rest); text != NULL; text = strtok_r(NULL, ",", &rest)) {
        if (read_network(text, &network) && contains(&network, &caller)) {
            return true;
        }
    }
    return false;
}
