/* Orders about authorities, as REST takes them (the first byte says which) and as they wait for a second
 * person: what was accepted once is kept in a form that is read again and means the same. */
#include <stdlib.h>

#include "fleet/authority_orders.h"
#include "tests/fuzz/fuzz.h"

enum { LIMIT = 1 << 14 };

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void write_text(const struct authority_order *order, struct buf *out)
{
    AUTO(json_t) *object = json_object();
    must(authority_order_write(order, object).code == ERR_OK && json_append(out, object).code == ERR_OK);
}

static void check_kept(const struct authority_order *order)
{
    AUTO_VAL(buf) first = {0};
    AUTO_VAL(buf) second = {0};
    AUTO(json_t) *document = NULL;
    struct authority_order again;
    write_text(order, &first);
    must(json_parse(buf_view(&first), LIMIT, &document).code == ERR_OK);
    must(authority_order_restore(document, &again).code == ERR_OK);
    write_text(&again, &second);
    must(bytes_equal(buf_view(&first), buf_view(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(json_t) *document = NULL;
    struct faults faults = {.count = 0};
    struct authority_order restored;
    if (size < 1 || json_parse((struct bytes){data + 1, size - 1}, LIMIT, &document).code != ERR_OK) {
        return 0;
    }
    struct authority_order order = {.verb = (enum authority_verb)(data[0] % AUTHORITY_VERBS)};
    must(authority_order_read(document, &faults, &order).code == ERR_OK);
    if (faults.count == 0) {
        check_kept(&order);
    }
    if (authority_order_restore(document, &restored).code == ERR_OK) {
        check_kept(&restored);
    }
    return 0;
}
