/* Names of keys as RFC 7512 URIs: read by p11-kit, written here (percent-encoding of everything that is not
 * unreserved). */
#include "pki/pkcs11.h"

#include <stdlib.h>
#include <string.h>

#include <p11-kit/uri.h>

typedef P11KitUri uri;
DEFINE_AUTO(uri, p11_kit_uri_free);

static err_t copy_name(const P11KitUri *parsed, struct pkcs11_name *out)
{
    P11KitUri *u = NULL; /* p11-kit's getters have no const */
    memcpy(&u, &parsed, sizeof u);
    const CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(u, CKA_LABEL);
    const CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(u, CKA_ID);
    if (label != NULL) {
        ENSURE(label->ulValueLen > 0 && label->ulValueLen < sizeof out->label, ERR_UNPROCESSABLE,
               "the label of a key in a token has 1 to %zu bytes", sizeof out->label - 1);
        ENSURE(memchr(label->pValue, 0, label->ulValueLen) == NULL, ERR_UNPROCESSABLE,
               "the label of a key in a token holds no byte 0"); /* cut there, it would be another name */
        memcpy(out->label, label->pValue, label->ulValueLen);
    }
    if (id != NULL) {
        ENSURE(id->ulValueLen > 0 && id->ulValueLen <= sizeof out->id, ERR_UNPROCESSABLE,
               "the id of a key in a token has 1 to %zu bytes", sizeof out->id);
        memcpy(out->id, id->pValue, id->ulValueLen);
        out->id_size = id->ulValueLen;
    }
    ENSURE(label != NULL || id != NULL, ERR_UNPROCESSABLE, "a PKCS#11 URI names a key by object, id or both");
    return OK;
}

err_t pkcs11_name_parse(const char *text, struct pkcs11_name *out)
{
    *out = (struct pkcs11_name){0};
    AUTO(uri) *parsed = p11_kit_uri_new();
    ENSURE(parsed != NULL, ERR_NO_MEMORY, "no memory for a URI");
    int rc = p11_kit_uri_parse(text, P11_KIT_URI_FOR_ANY, parsed);
    ENSURE(rc == P11_KIT_URI_OK && p11_kit_uri_any_unrecognized(parsed) == 0, ERR_UNPROCESSABLE,
           "\"%.80s\" is no PKCS#11 URI (RFC 7512)", text);
    ENSURE(p11_kit_uri_get_pin_value(parsed) == NULL && p11_kit_uri_get_pin_source(parsed) == NULL,
           ERR_UNPROCESSABLE, "a PKCS#11 URI has no PIN here: pkcs11_pin_file has it");
    ENSURE(p11_kit_uri_get_module_path(parsed) == NULL && p11_kit_uri_get_module_name(parsed) == NULL,
           ERR_UNPROCESSABLE, "a PKCS#11 URI names no module here: pkcs11_module does");
    return copy_name(parsed, out);
}

static err_t append_escaped(struct buf *out, const void *text, size_t n)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
    const uint8_t *p = text;
    for (size_t i = 0; i < n; i++) {
        bool is_plain = p[i] != 0 && strchr(plain, p[i]) != NULL;
        TRY(is_plain ? buf_append(out, p + i, 1) : buf_printf(out, "%%%02X", p[i]));
    }
    return OK;
}

err_t pkcs11_name_uri(const struct pkcs11_name *name, const struct pkcs11_name *token, struct buf *out)
{
    const char *before = "pkcs11:";
    if (token != NULL && token->label[0] != '\0') {
        TRY(buf_printf(out, "%stoken=", before));
        TRY(append_escaped(out, token->label, strlen(token->label)));
        before = ";";
    }
    if (name->id_size > 0) {
        TRY(buf_printf(out, "%sid=", before));
        for (size_t i = 0; i < name->id_size; i++) {
            TRY(buf_printf(out, "%%%02X", name->id[i]));
        }
        before = ";";
    }
    if (name->label[0] != '\0') {
        TRY(buf_printf(out, "%sobject=", before));
        TRY(append_escaped(out, name->label, strlen(name->label)));
        before = ";";
    }
    return buf_printf(out, "%stype=private", before);
}
