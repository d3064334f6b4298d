/* DIR/ca.pem, the anchors that are given to devices and clients: the root that names the installation first,
 * then every other that something still stands on. */
#include "base/file.h"
#include "cmd/whorld/house.h"
#include "fleet/authority_set.h"
#include "pki/certificate.h"

enum { ANCHORS_SIZE_MAX = 1 << 20 };

static bool is_anchor(const struct authority_member *member)
{
    bool is_live = member->state == AUTHORITY_STANDBY || member->state == AUTHORITY_ACTIVE ||
                   member->state == AUTHORITY_RETIRING;
    return is_live && member->role == AUTHORITY_ROOT && member->issuer[0] == '\0';
}

static err_t write_anchors(const struct authority_set *set, struct buf *pem)
{
    const struct authority_member *first = authority_set_root(set);
    const struct authority_member *member = NULL;
    TRY(certificate_to_pem(authority_borrow_der(first->authority), pem));
    for (size_t i = 0; (member = authority_set_at(set, i)) != NULL; i++) {
        if (member != first && is_anchor(member)) {
            TRY(certificate_to_pem(authority_borrow_der(member->authority), pem));
        }
    }
    return OK;
}

err_t anchors_ensure(struct house *house)
{
    AUTO(char) *path = NULL;
    AUTO_VAL(buf) former = {0};
    AUTO_VAL(buf) pem = {0};
    AUTO_PTR(authority_set) *set = authority_set_take(house->fleet);
    TRY(house_path(house, HOUSE_ANCHOR, &path));
    TRY(write_anchors(set, &pem));
    if (file_exists(path)) {
        TRY(file_read(path, ANCHORS_SIZE_MAX, &former));
    }
    return bytes_equal(buf_view(&former), buf_view(&pem)) ? OK
                                                          : file_write_durable(path, buf_view(&pem), 0644);
}
