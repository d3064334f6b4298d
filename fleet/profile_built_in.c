/* The profiles that are everywhere and that nobody changes. docs/profiles.md says field by field where each
 * comes from. */
#include "fleet/policy_words.h"
#include "fleet/profile_spec.h"

enum { TEN_YEARS_S = 3650 * 86400 };

static const struct built_in_profile profiles[BUILT_IN_PROFILES] = {
    {.name = "edge-tls-server",
     .help = "TLS servers at the edge, that devices nearby connect to",
     .spec = {.role = AUTHORITY_EDGE,
              .key_algorithms = KEY_ALGORITHMS_ALL,
              .max_lifetime_s = TEN_YEARS_S,
              .certificate = {.subject = SUBJECT_DEVICE_ID,
                              .san_forms = SAN_NI_URI | SAN_DNS,
                              .key_usage = USAGE_DIGITAL_SIGNATURE,
                              .key_purposes = PURPOSE_CLIENT_AUTH | PURPOSE_SERVER_AUTH,
                              .dns_template = "{short_id}.edge.internal"}}},
    /* RFC 5612 keeps 32473 for documents; whoever has a number of its own makes a profile with it */
    {.name = "idevid",
     .help = "the maker's certificate of IEEE 802.1AR: for the device's whole life",
     .spec = {.role = AUTHORITY_DEVICE,
              .key_algorithms = KEY_ALGORITHMS_ALL,
              .max_lifetime_s = TEN_YEARS_S,
              .is_first_key_only = true,
              .certificate = {.subject = SUBJECT_SERIAL_NUMBER,
                              .san_forms = SAN_HARDWARE_MODULE,
                              .key_usage = USAGE_DIGITAL_SIGNATURE,
                              .key_purposes = PURPOSE_CLIENT_AUTH,
                              .hw_type = "1.3.6.1.4.1.32473.1",
                              .is_without_end = true}}},
    {.name = "ldevid",
     .help = "the owner's certificate of IEEE 802.1AR: what a product has where it names none",
     .spec = {.role = AUTHORITY_DEVICE,
              .key_algorithms = KEY_ALGORITHMS_ALL,
              .max_lifetime_s = TEN_YEARS_S,
              .certificate = {.subject = SUBJECT_DEVICE_ID,
                              .san_forms = SAN_NI_URI,
                              .key_usage = USAGE_DIGITAL_SIGNATURE,
                              .key_purposes = PURPOSE_CLIENT_AUTH}}},
};

const struct built_in_profile *built_in_profile_at(size_t index)
{
    return index < BUILT_IN_PROFILES ? &profiles[index] : NULL;
}

const struct built_in_profile *built_in_profile_find(struct bytes name)
{
    struct bytes wanted = name.n == 0 ? bytes_str("ldevid") : name;
    for (size_t i = 0; i < BUILT_IN_PROFILES; i++) {
        if (bytes_is(wanted, profiles[i].name)) {
            return &profiles[i];
        }
    }
    return NULL;
}
