/* Tables of words, and what reads them. Decides nothing. */
#include "fleet/profile_words.h"

static const char *const subjects[] = {[SUBJECT_DEVICE_ID] = "device_id",
                                       [SUBJECT_SERIAL_NUMBER] = "serial_number",
                                       [SUBJECT_ID_ONLY] = "id_only"};

struct bit_word {
    uint32_t bit; /* 0 ends a table */
    const char *word;
};
static const struct bit_word usages[] = {{USAGE_DIGITAL_SIGNATURE, "digital_signature"},
                                         {USAGE_KEY_ENCIPHERMENT, "key_encipherment"},
                                         {USAGE_KEY_AGREEMENT, "key_agreement"},
                                         {0, ""}};
static const struct bit_word extensions[] = {
    {EXTENSION_MUST_STAPLE, "must_staple"}, {EXTENSION_NO_REVOCATION, "no_revocation"}, {0, ""}};

err_t profile_subject_parse(struct bytes word, enum profile_subject *out)
{
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++) {
        if (bytes_is(word, subjects[i])) {
            *out = (enum profile_subject)i;
            return OK;
        }
    }
    return ERR(ERR_UNPROCESSABLE, "a subject is device_id, serial_number or id_only");
}

const char *profile_subject_name(enum profile_subject subject)
{
    return subjects[subject];
}

err_t profile_role_parse(struct bytes word, enum authority_role *out)
{
    bool is_edge = bytes_is(word, "edge");
    ENSURE(is_edge || bytes_is(word, "device"), ERR_UNPROCESSABLE,
           "the authority_role of a profile is device or edge");
    *out = is_edge ? AUTHORITY_EDGE : AUTHORITY_DEVICE;
    return OK;
}

const char *profile_role_name(enum authority_role role)
{
    return role == AUTHORITY_EDGE ? "edge" : "device";
}

static uint32_t find(const struct bit_word *table, struct bytes word)
{
    const struct bit_word *row = table;
    while (row->bit != 0 && !bytes_is(word, row->word)) {
        row++;
    }
    return row->bit;
}

static const char *name(const struct bit_word *table, uint32_t bit)
{
    const struct bit_word *row = table;
    while (row->bit != 0 && row->bit != bit) {
        row++;
    }
    return row->word;
}

err_t key_usage_parse(struct bytes word, uint32_t *out)
{
    *out = find(usages, word);
    ENSURE(*out != 0, ERR_UNPROCESSABLE,
           "a key usage is digital_signature, key_encipherment or key_agreement");
    return OK;
}

err_t profile_extension_parse(struct bytes word, uint32_t *out)
{
    *out = find(extensions, word);
    ENSURE(*out != 0, ERR_UNPROCESSABLE, "a further extension is must_staple or no_revocation");
    return OK;
}

const char *key_usage_name(uint32_t bit)
{
    return name(usages, bit);
}

const char *profile_extension_name(uint32_t bit)
{
    return name(extensions, bit);
}
