/* The words of releases: states, kinds, recipes. */
#include <string.h>

#include "base/json.h"
#include "fleet/releases.h"

static const char *const states[] = {
    [RELEASE_DRAFT] = "draft",         [RELEASE_SIGNING] = "signing",     [RELEASE_APPROVED] = "approved",
    [RELEASE_PUBLISHED] = "published", [RELEASE_WITHDRAWN] = "withdrawn",
};
static const char *const kinds[] = {[RELEASE_FEATURE] = "feature", [RELEASE_SECURITY] = "security"};
static const char *const forms[] = {
    [SIGNING_NONE] = "none", [SIGNING_EMBEDDED] = "embedded", [SIGNING_DETACHED] = "detached"};
enum { KINDS = 2, FORMS = 3 };

static bool find_word(const char *const *words, size_t count, struct bytes word, size_t *out)
{
    for (*out = 0; *out < count; (*out)++) {
        if (bytes_is(word, words[*out])) {
            return true;
        }
    }
    return false;
}

const char *release_state_name(enum firmware_release_state state)
{
    return (size_t)state < RELEASE_STATES ? states[state] : "unknown";
}

err_t release_state_parse(struct bytes word, enum firmware_release_state *out)
{
    size_t found = 0;
    ENSURE(find_word(states, RELEASE_STATES, word, &found), ERR_BAD_REQUEST,
           "no such state of a release; known: draft, signing, approved, published, withdrawn");
    *out = (enum firmware_release_state)found;
    return OK;
}

const char *release_kind_name(enum firmware_release_kind kind)
{
    return (size_t)kind < KINDS ? kinds[kind] : "unknown";
}

err_t release_kind_parse(struct bytes word, enum firmware_release_kind *out)
{
    size_t found = 0;
    ENSURE(find_word(kinds, KINDS, word, &found), ERR_UNPROCESSABLE,
           "no such kind of a release; known: feature, security");
    *out = (enum firmware_release_kind)found;
    return OK;
}

const char *signing_form_name(enum signing_form form)
{
    return (size_t)form < FORMS ? forms[form] : "unknown";
}

err_t signing_form_parse(struct bytes word, enum signing_form *out)
{
    size_t found = 0;
    ENSURE(find_word(forms, FORMS, word, &found), ERR_UNPROCESSABLE,
           "no such form of signing; known: none, embedded, detached");
    *out = (enum signing_form)found;
    return OK;
}

/* --- recipes as they are stored: {"form":"embedded","key":"<uuid>"} --------------------------------------
 */

err_t release_recipe_read(const struct firmware_release_image_row *image, struct signing_recipe *out)
{
    struct raw {
        const char *form;
        struct uuid key;
    } raw = {.form = NULL};
    static const struct json_field fields[] = {
        {"form", JSON_KIND_TEXT, true, offsetof(struct raw, form), 0, 0, JSON_NO_HAS},
        {"key", JSON_KIND_UUID, true, offsetof(struct raw, key), 0, 0, JSON_NO_HAS},
    };
    *out = (struct signing_recipe){.form = SIGNING_NONE};
    if (image->recipe[0] == '\0') {
        return OK;
    }
    AUTO(json_t) *document = NULL;
    TRY(json_parse(bytes_str(image->recipe), sizeof image->recipe, &document));
    TRY(json_read(document, fields, sizeof fields / sizeof fields[0], true, &raw));
    out->key = raw.key;
    return signing_form_parse(bytes_str(raw.form), &out->form);
}
