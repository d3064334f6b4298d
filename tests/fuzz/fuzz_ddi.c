/* What devices say over hawkBit's DDI: reports and attributes. */
#include <stdlib.h>
#include <string.h>

#include "api/ddi.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_t) *document = NULL;
    AUTO_VAL(ddi_attributes) attributes = {.data = NULL};
    struct ddi_feedback feedback;
    if (json_parse((struct bytes){data, size}, DDI_BODY_LIMIT, &document).code != ERR_OK) {
        return 0;
    }
    if (ddi_feedback_read(document, &feedback).code == ERR_OK) {
        must(strlen(feedback.text) < FIRMWARE_REPORT_TEXT_SIZE);
        must(utf8_is_valid(bytes_str(feedback.text)));
        must(!feedback.has_progress || (feedback.done >= 0 && feedback.done <= feedback.of));
    }
    if (ddi_attributes_read(document, &attributes).code == ERR_OK) {
        const char *name = NULL;
        json_t *value = NULL;
        json_object_foreach(attributes.data, name, value)
        {
            must(json_is_string(value));
        }
    }
    return 0;
}
