/* From bits to words and back; the words are fleet/scopes.c's. */
#include "api/scope_list.h"

#include <stdio.h>

#include "fleet/access.h"

err_t scope_list_set(json_t *object, const char *name, uint32_t scopes)
{
    char names[SCOPES_TEXT_SIZE];
    scopes_format(scopes, names);
    return json_set_words(object, name, names);
}

struct bytes word_at(const json_t *list, size_t i)
{
    const json_t *word = json_array_get(list, i);
    return (struct bytes){(const uint8_t *)json_string_value(word), json_string_length(word)};
}

err_t scope_list_read(const json_t *list, struct faults *faults, uint32_t *scopes)
{
    char pointer[FAULT_POINTER_SIZE];
    for (size_t i = 0; i < json_array_size(list); i++) {
        uint32_t scope = 0;
        (void)snprintf(pointer, sizeof pointer, "/scopes/%zu", i);
        TRY(faults_note(faults, pointer, scopes_parse(word_at(list, i), &scope)));
        *scopes |= scope;
    }
    return OK;
}
