/* Reads to-be-signed certificates with our DER reader: no OpenSSL object is made, because the signer process
 * reads one for each signature. */
#include <string.h>
#include <time.h>

#include "pki/der.h"
#include "pki/signer_rules.h"

enum { EXTENSIONS_MAX = 32, SERIAL_MAX = 20 };

/* --- time ------------------------------------------------------------------------------------------- */

static bool read_digits(const uint8_t *at, size_t n, int *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        if (at[i] < '0' || at[i] > '9') {
            return false;
        }
        *out = *out * 10 + (at[i] - '0');
    }
    return true;
}

static bool read_time(struct bytes text, size_t year_digits, int64_t *out_ms)
{
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    const uint8_t *rest = text.p + year_digits;
    if (text.n != year_digits + 11 || text.p[text.n - 1] != 'Z' || !read_digits(text.p, year_digits, &year) ||
        !read_digits(rest, 2, &month) || !read_digits(rest + 2, 2, &day) ||
        !read_digits(rest + 4, 2, &hour) || !read_digits(rest + 6, 2, &minute) ||
        !read_digits(rest + 8, 2, &second)) {
        return false;
    }
    year += year_digits == 4 ? 0 : year < 50 ? 2000 : 1900;
    struct tm utc = {.tm_year = year - 1900,
                     .tm_mon = month - 1,
                     .tm_mday = day,
                     .tm_hour = hour,
                     .tm_min = minute,
                     .tm_sec = second};
    const struct tm asked = utc;
    time_t at_s = timegm(&utc);
    *out_ms = (int64_t)at_s * 1000;
    return utc.tm_mon == asked.tm_mon && utc.tm_mday == asked.tm_mday && utc.tm_hour == asked.tm_hour &&
           utc.tm_min == asked.tm_min && utc.tm_sec == asked.tm_sec; /* no 31st of February was set right */
}

bool der_take_time(struct bytes *in, int64_t *out_ms)
{
    struct der_item item;
    if (der_take(in, DER_UTC_TIME, &item)) {
        return read_time(item.value, 2, out_ms);
    }
    return der_take(in, DER_GENERALIZED_TIME, &item) && read_time(item.value, 4, out_ms);
}

/* --- extensions ------------------------------------------------------------------------------------- */

static bool read_basic_constraints(struct bytes value, struct tbs_certificate *out)
{
    struct der_item sequence, item;
    if (!der_take(&value, DER_SEQUENCE, &sequence) || value.n != 0) {
        return false;
    }
    out->is_ca = der_take(&sequence.value, DER_BOOLEAN, &item) && item.value.p[0] == 0xff;
    out->has_path_length = der_take(&sequence.value, DER_INTEGER, &item);
    if (out->has_path_length) {
        if (item.value.n != 1 || item.value.p[0] >= 0x80) {
            return false;
        }
        out->path_length = item.value.p[0];
    }
    return sequence.value.n == 0;
}

static bool read_key_usage(struct bytes value, struct tbs_certificate *out)
{
    struct der_item bits;
    if (!der_take(&value, DER_BIT_STRING, &bits) || value.n != 0 || bits.value.n < 2 || bits.value.n > 3) {
        return false;
    }
    for (unsigned i = 0; i < 8 * (bits.value.n - 1); i++) {
        bool is_set = (bits.value.p[1 + i / 8] & (0x80U >> (i % 8))) != 0;
        out->key_usage |= is_set ? 1U << i : 0;
    }
    out->has_key_usage = true;
    return true;
}

static bool read_key_purposes(struct bytes value, struct tbs_certificate *out)
{
    struct der_item sequence, oid;
    if (!der_take(&value, DER_SEQUENCE, &sequence) || value.n != 0 || sequence.value.n == 0) {
        return false;
    }
    out->key_purposes = sequence.value;
    while (sequence.value.n > 0) {
        if (!der_take(&sequence.value, DER_OID, &oid)) {
            return false;
        }
    }
    return true;
}

static bool read_ski(struct bytes value, struct tbs_certificate *out)
{
    struct der_item id;
    bool is_read = der_take(&value, DER_OCTET_STRING, &id) && value.n == 0 && id.value.n > 0;
    out->ski = is_read ? id.value : BYTES_NONE;
    return is_read;
}

static bool read_aki(struct bytes value, struct tbs_certificate *out)
{
    struct der_item sequence, id;
    bool is_read = der_take(&value, DER_SEQUENCE, &sequence) && value.n == 0 &&
                   der_take(&sequence.value, DER_CONTEXT | 0, &id);
    out->aki = is_read ? id.value : BYTES_NONE;
    return is_read;
}

/* Those under id-ce (2.5.29) that the rules look at. */
static const struct {
    uint8_t arc;
    bool (*read)(struct bytes value, struct tbs_certificate *out);
} readers[] = {
    {0x0e, read_ski}, {0x0f, read_key_usage},    {0x13, read_basic_constraints},
    {0x23, read_aki}, {0x25, read_key_purposes},
};

static bool read_extension(struct bytes oid, struct bytes value, struct tbs_certificate *out)
{
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        const uint8_t known[] = {0x55, 0x1d, readers[i].arc};
        if (bytes_equal(oid, BYTES_OF(known))) {
            return readers[i].read(value, out);
        }
    }
    return true;
}

static err_t read_extensions(struct bytes list, struct tbs_certificate *out)
{
    struct bytes seen[EXTENSIONS_MAX];
    size_t count = 0;
    while (list.n > 0) {
        struct der_item extension, oid, critical, value;
        ENSURE(count < EXTENSIONS_MAX && der_take(&list, DER_SEQUENCE, &extension) &&
                   der_take(&extension.value, DER_OID, &oid),
               ERR_BAD_ENCODING, "the extensions are not of their form");
        (void)der_take(&extension.value, DER_BOOLEAN, &critical);
        ENSURE(der_take(&extension.value, DER_OCTET_STRING, &value) && extension.value.n == 0,
               ERR_BAD_ENCODING, "the extensions are not of their form");
        for (size_t i = 0; i < count; i++) {
            ENSURE(!bytes_equal(seen[i], oid.value), ERR_BAD_ENCODING, "an extension stands twice");
        }
        seen[count++] = oid.value;
        ENSURE(der_check(value.value).code == ERR_OK && read_extension(oid.value, value.value, out),
               ERR_BAD_ENCODING, "an extension is not of its form");
    }
    return OK;
}

/* --- the whole -------------------------------------------------------------------------------------- */

static bool take_version(struct bytes *in)
{
    struct der_item tagged, number;
    return der_take(in, DER_CONTEXT_CONSTRUCTED | 0, &tagged) &&
           der_take(&tagged.value, DER_INTEGER, &number) && number.value.n == 1 && number.value.p[0] == 2 &&
           tagged.value.n == 0;
}

static bool take_serial(struct bytes *in)
{
    struct der_item serial;
    return der_take(in, DER_INTEGER, &serial) && serial.value.n <= SERIAL_MAX && serial.value.p[0] < 0x80 &&
           !(serial.value.n == 1 && serial.value.p[0] == 0);
}

static bool take_validity(struct bytes *in, struct tbs_certificate *out)
{
    struct der_item validity;
    return der_take(in, DER_SEQUENCE, &validity) && der_take_time(&validity.value, &out->not_before_ms) &&
           der_take_time(&validity.value, &out->not_after_ms) && validity.value.n == 0;
}

static bool take_sequence(struct bytes *in, struct bytes *whole)
{
    struct der_item item;
    bool is_there = der_take(in, DER_SEQUENCE, &item);
    *whole = is_there ? item.whole : BYTES_NONE;
    return is_there;
}

err_t tbs_certificate_read(struct bytes tbs, struct tbs_certificate *out)
{
    struct der_item outer, tagged, extensions;
    *out = (struct tbs_certificate){.path_length = 0};
    TRY(der_check(tbs));
    ENSURE(der_take(&tbs, DER_SEQUENCE, &outer) && take_version(&outer.value) && take_serial(&outer.value) &&
               take_sequence(&outer.value, &out->algorithm) && take_sequence(&outer.value, &out->issuer) &&
               take_validity(&outer.value, out) && take_sequence(&outer.value, &out->subject) &&
               take_sequence(&outer.value, &out->spki),
           ERR_BAD_ENCODING, "not a certificate of version 3 that is to be signed");
    ENSURE(der_take(&outer.value, DER_CONTEXT_CONSTRUCTED | 3, &tagged) && outer.value.n == 0 &&
               der_take(&tagged.value, DER_SEQUENCE, &extensions) && tagged.value.n == 0,
           ERR_BAD_ENCODING, "a certificate without extensions, or with something behind them");
    return read_extensions(extensions.value, out);
}

err_t tbs_of_certificate(struct bytes der, struct bytes *out)
{
    struct der_item outer, tbs;
    TRY(der_check(der));
    ENSURE(der_take(&der, DER_SEQUENCE, &outer) && der_take(&outer.value, DER_SEQUENCE, &tbs),
           ERR_BAD_ENCODING, "not a certificate");
    *out = tbs.whole;
    return OK;
}
