/* What finds a certificate that a message names: read from DER as it stands, without OpenSSL, since strangers
 * ask and every key that OpenSSL decodes costs them nothing. */
#include <string.h>

#include "pki/certificate.h"
#include "pki/der.h"

struct bytes name_common_name(struct bytes name)
{
    static const uint8_t common_name[] = {0x55, 0x04, 0x03};
    struct der_item names;
    struct der_item set;
    struct der_item attribute;
    struct der_item type;
    struct der_item value;
    struct bytes found = BYTES_NONE;
    if (!der_take(&name, DER_SEQUENCE, &names)) {
        return BYTES_NONE;
    }
    while (der_take(&names.value, DER_SET, &set)) {
        while (der_take(&set.value, DER_SEQUENCE, &attribute)) {
            bool is_read = der_take(&attribute.value, DER_OID, &type) && der_next(&attribute.value, &value);
            found = is_read && bytes_equal(type.value, BYTES_OF(common_name)) ? value.value : found;
        }
    }
    return found;
}

bool certificate_has_key_id(struct bytes der, struct bytes key_id)
{
    enum { KEY_ID_MAX = 64 };
    uint8_t extension[9 + KEY_ID_MAX] = {DER_OID,          3, 0x55, 0x1d, 0x0e, DER_OCTET_STRING, 0,
                                         DER_OCTET_STRING, 0};
    if (key_id.n == 0 || key_id.n > KEY_ID_MAX) {
        return false;
    }
    extension[6] = (uint8_t)(key_id.n + 2);
    extension[8] = (uint8_t)key_id.n;
    (void)memcpy(extension + 9, key_id.p, key_id.n);
    return memmem(der.p, der.n, extension, 9 + key_id.n) != NULL;
}
