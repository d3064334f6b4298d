/* Names that a profile makes of what is known of a device: the operator's templates, checked when they are
 * written and filled in for each certificate. */
#include <stdio.h>
#include <string.h>

#include "pki/certificate_profile.h"
#include "pki/dns_name.h"

enum { SHORT_ID_SIZE = 32, URI_MAX = 1024 };

/* --- parts ------------------------------------------------------------------------------------------ */

static const struct field {
    const char *name;
    size_t offset; /* in struct device_subject */
    size_t limit;  /* so many characters of it; 0: all */
    const char *what;
} fields[] = {
    {"device_id", offsetof(struct device_subject, device_id_hex), 0, "id"},
    {"short_id", offsetof(struct device_subject, device_id_hex), SHORT_ID_SIZE, "id"},
    {"serial", offsetof(struct device_subject, serial_number), 0, "serial number"},
    {"model", offsetof(struct device_subject, model), 0, "model"},
    {"tenant", offsetof(struct device_subject, tenant), 0, "tenant"},
    {"product", offsetof(struct device_subject, product), 0, "product"},
};

/* A stretch of text, or one field of a device. */
struct part {
    const struct field *field;
    struct bytes text;
};

static const struct field *find(struct bytes name)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (bytes_is(name, fields[i].name)) {
            return &fields[i];
        }
    }
    return NULL;
}

static err_t next_part(struct bytes *rest, struct part *out)
{
    size_t n = 0;
    while (n < rest->n && rest->p[n] != '{' && rest->p[n] != '}') {
        n++;
    }
    if (n > 0) {
        *out = (struct part){.text = {rest->p, n}};
        *rest = (struct bytes){rest->p + n, rest->n - n};
        return OK;
    }
    const uint8_t *end = memchr(rest->p, '}', rest->n);
    *out = (struct part){.field = NULL};
    if (rest->p[0] == '{' && end != NULL) {
        out->field = find((struct bytes){rest->p + 1, (size_t)(end - rest->p) - 1});
    }
    ENSURE(out->field != NULL, ERR_UNPROCESSABLE,
           "in braces stands one of {device_id}, {short_id}, {serial}, {model}, {tenant}, {product}");
    size_t taken = (size_t)(end - rest->p) + 1;
    *rest = (struct bytes){rest->p + taken, rest->n - taken};
    return OK;
}

static struct bytes value_of(const struct field *field, const struct device_subject *subject)
{
    const char *text = NULL;
    memcpy(&text, (const uint8_t *)subject + field->offset, sizeof text);
    struct bytes value = text == NULL ? BYTES_NONE : bytes_str(text);
    value.n = field->limit != 0 && value.n > field->limit ? field->limit : value.n;
    return value;
}

/* @param put writes the value in the form's own alphabet */
static err_t fill(const char *text, const struct device_subject *subject,
                  err_t (*put)(struct bytes value, struct buf *out), struct buf *out)
{
    struct bytes rest = bytes_str(text);
    while (rest.n > 0) {
        struct part part;
        TRY(next_part(&rest, &part));
        if (part.field == NULL) {
            TRY(buf_append_bytes(out, part.text));
            continue;
        }
        struct bytes value = value_of(part.field, subject);
        ENSURE(value.n > 0, ERR_UNPROCESSABLE, "the device has no %s, which its certificate profile asks for",
               part.field->what);
        TRY(put(value, out));
    }
    return OK;
}

/* --- URIs ------------------------------------------------------------------------------------------- */

static bool is_letter_or_digit(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static err_t put_in_uri(struct bytes value, struct buf *out)
{
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        if (is_letter_or_digit(c) || (c != 0 && strchr("-._~", c) != NULL)) {
            TRY(buf_append(out, &c, 1));
        } else {
            TRY(buf_printf(out, "%%%02X", (unsigned)c));
        }
    }
    return OK;
}

err_t uri_template_fill(const char *text, const struct device_subject *subject, struct buf *out)
{
    size_t start = out->n;
    TRY(fill(text, subject, put_in_uri, out));
    ENSURE(out->n - start <= URI_MAX, ERR_UNPROCESSABLE, "the URI of the certificate would be too long");
    return OK;
}

/* Of the device that a template is tried with. */
static const char sample_id[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const struct device_subject sample = {
    .device_id_hex = sample_id, .serial_number = "s", .model = "m", .tenant = "t", .product = "p"};

/* A scheme and something behind it (RFC 3986 §3.1). */
static bool has_scheme(struct bytes text)
{
    size_t n = 0;
    while (n < text.n && (is_letter_or_digit(text.p[n]) || (n > 0 && strchr("+-.", text.p[n]) != NULL))) {
        n++;
    }
    bool begins_with_letter = text.n > 0 && is_letter_or_digit(text.p[0]) && text.p[0] > '9';
    return begins_with_letter && n + 1 < text.n && text.p[n] == ':';
}

static err_t check_text(struct bytes text)
{
    ENSURE(text.n >= 1 && text.n < PROFILE_TEMPLATE_SIZE && memchr(text.p, 0, text.n) == NULL,
           ERR_UNPROCESSABLE, "a template has 1 to %d characters", PROFILE_TEMPLATE_SIZE - 1);
    return OK;
}

err_t uri_template_check(struct bytes text)
{
    char copy[PROFILE_TEMPLATE_SIZE] = "";
    AUTO_VAL(buf) uri = {0};
    TRY(check_text(text));
    memcpy(copy, text.p, text.n);
    TRY(uri_template_fill(copy, &sample, &uri));
    ENSURE(has_scheme(text), ERR_UNPROCESSABLE, "a URI begins with its scheme, as urn:example:{serial}");
    for (size_t i = 0; i < uri.n; i++) {
        ENSURE(is_letter_or_digit(uri.p[i]) || strchr("-._~:/?#[]@!$&'()*+,;=%", uri.p[i]) != NULL,
               ERR_UNPROCESSABLE, "a character that no URI has (RFC 3986 §2): write it as %%XX");
    }
    return OK;
}

/* --- DNS names -------------------------------------------------------------------------------------- */

static err_t put_in_dns(struct bytes value, struct buf *out)
{
    for (size_t i = 0; i < value.n; i++) {
        uint8_t c = value.p[i];
        c = c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
        TRY(buf_append(out, &c, 1));
    }
    return OK;
}

err_t dns_template_fill(const char *text, const struct device_subject *subject, struct buf *out)
{
    AUTO_VAL(buf) name = {0};
    TRY(fill(text, subject, put_in_dns, &name));
    ENSURE(dns_name_is_valid(buf_view(&name)), ERR_UNPROCESSABLE,
           "\"%.80s\", which the template %.60s makes of the device, is no DNS name", buf_str(&name), text);
    return buf_append_bytes(out, buf_view(&name));
}

err_t dns_template_check(struct bytes text)
{
    char copy[PROFILE_TEMPLATE_SIZE] = "";
    AUTO_VAL(buf) name = {0};
    TRY(check_text(text));
    memcpy(copy, text.p, text.n);
    ENSURE(strstr(copy, "{device_id}") == NULL, ERR_UNPROCESSABLE,
           "{device_id} has 64 characters, and a DNS label at most 63: use {short_id}");
    for (size_t i = 0; i < text.n; i++) {
        ENSURE(text.p[i] < 'A' || text.p[i] > 'Z', ERR_UNPROCESSABLE,
               "a DNS name is written in lower case here");
    }
    TRY(dns_template_fill(copy, &sample, &name));
    ENSURE(strchr(buf_str(&name), '.') != NULL, ERR_UNPROCESSABLE,
           "a DNS name has two labels at least, as {serial}.edge.example.com");
    return OK;
}
