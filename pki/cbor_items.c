/* libcbor's encoders and its streaming decoder behind one pair of small types. Knows no COSE and no SUIT. */
#include "pki/cbor_items.h"

#include <cbor.h>
#include <string.h>

enum { HEAD_MAX = 9, TYPE_MASK = 0xe0, TYPE_TAG = 0xc0, VALUE_MASK = 0x1f, VALUE_LONG = 24 };

/* --- written ------------------------------------------------------------------------------------------ */

struct cbor_writer cbor_writer(struct buf *out)
{
    return (struct cbor_writer){.out = out, .error = OK};
}

err_t cbor_finish(const struct cbor_writer *w)
{
    return w->error;
}

static void append(struct cbor_writer *w, const void *p, size_t n)
{
    if (w->error.code == ERR_OK) {
        w->error = buf_append(w->out, p, n);
    }
}

static void put_head(struct cbor_writer *w, size_t (*encode)(size_t, unsigned char *, size_t), size_t n)
{
    unsigned char head[HEAD_MAX];
    append(w, head, encode(n, head, sizeof head));
}

void cbor_put_int(struct cbor_writer *w, int64_t value)
{
    unsigned char head[HEAD_MAX];
    size_t n = value >= 0 ? cbor_encode_uint((uint64_t)value, head, sizeof head)
                          : cbor_encode_negint((uint64_t)(-1 - value), head, sizeof head);
    append(w, head, n);
}

void cbor_put_bytes(struct cbor_writer *w, struct bytes value)
{
    put_head(w, cbor_encode_bytestring_start, value.n);
    append(w, value.p, value.n);
}

void cbor_put_text(struct cbor_writer *w, const char *value)
{
    struct bytes text = bytes_str(value);
    put_head(w, cbor_encode_string_start, text.n);
    append(w, text.p, text.n);
}

void cbor_put_array(struct cbor_writer *w, size_t n)
{
    put_head(w, cbor_encode_array_start, n);
}

void cbor_put_map(struct cbor_writer *w, size_t n)
{
    put_head(w, cbor_encode_map_start, n);
}

void cbor_put_tag(struct cbor_writer *w, uint64_t tag)
{
    unsigned char head[HEAD_MAX];
    append(w, head, cbor_encode_tag(tag, head, sizeof head));
}

void cbor_put_null(struct cbor_writer *w)
{
    unsigned char head[HEAD_MAX];
    append(w, head, cbor_encode_null(head, sizeof head));
}

/* --- read --------------------------------------------------------------------------------------------- */

/* What the decoder's callbacks leave: the head, or that it is of a kind that nothing here has. */
struct taken {
    struct cbor_head head;
    bool is_good;
};

static void take_unsigned(struct taken *taken, enum cbor_kind kind, uint64_t value)
{
    taken->is_good = value <= INT64_MAX;
    taken->head = (struct cbor_head){.kind = kind, .number = taken->is_good ? (int64_t)value : 0};
}

static void take_negative(struct taken *taken, uint64_t value)
{
    taken->is_good = value <= INT64_MAX;
    taken->head = (struct cbor_head){.kind = CBOR_INT, .number = taken->is_good ? -1 - (int64_t)value : 0};
}

#define ON_INTEGER(bits)                                                                                     \
    static void on_uint##bits(void *context, uint##bits##_t value)                                           \
    {                                                                                                        \
        take_unsigned(context, CBOR_INT, value);                                                             \
    }                                                                                                        \
    static void on_negint##bits(void *context, uint##bits##_t value)                                         \
    {                                                                                                        \
        take_negative(context, value);                                                                       \
    }
ON_INTEGER(8)
ON_INTEGER(16)
ON_INTEGER(32)
ON_INTEGER(64)

static void on_bytes(void *context, cbor_data data, size_t n)
{
    struct taken *taken = context;
    *taken = (struct taken){.head = {.kind = CBOR_BYTES, .bytes = {data, n}}, .is_good = true};
}

static void on_text(void *context, cbor_data data, size_t n)
{
    struct taken *taken = context;
    *taken = (struct taken){.head = {.kind = CBOR_TEXT, .bytes = {data, n}}, .is_good = true};
}

static void on_array(void *context, size_t n)
{
    take_unsigned(context, CBOR_ARRAY, n);
}

static void on_map(void *context, size_t n)
{
    take_unsigned(context, CBOR_MAP, n);
}

static void on_tag(void *context, uint64_t value)
{
    take_unsigned(context, CBOR_TAG, value);
}

static void on_null(void *context)
{
    struct taken *taken = context;
    *taken = (struct taken){.head = {.kind = CBOR_OTHER}, .is_good = true};
}

/* Some versions of libcbor refuse the tags 6 to 20 in their one-byte form. */
static bool take_small_tag(struct bytes *in, struct cbor_head *out)
{
    if (in->n == 0 || (in->p[0] & TYPE_MASK) != TYPE_TAG || (in->p[0] & VALUE_MASK) >= VALUE_LONG) {
        return false;
    }
    *out = (struct cbor_head){.kind = CBOR_TAG, .number = in->p[0] & VALUE_MASK};
    *in = (struct bytes){in->p + 1, in->n - 1};
    return true;
}

bool cbor_take(struct bytes *in, struct cbor_head *out)
{
    if (take_small_tag(in, out)) {
        return true;
    }
    struct cbor_callbacks callbacks = cbor_empty_callbacks; /* what is not named leaves `is_good` false */
    struct taken taken = {.is_good = false};
    callbacks.uint8 = on_uint8;
    callbacks.uint16 = on_uint16;
    callbacks.uint32 = on_uint32;
    callbacks.uint64 = on_uint64;
    callbacks.negint8 = on_negint8;
    callbacks.negint16 = on_negint16;
    callbacks.negint32 = on_negint32;
    callbacks.negint64 = on_negint64;
    callbacks.byte_string = on_bytes;
    callbacks.string = on_text;
    callbacks.array_start = on_array;
    callbacks.map_start = on_map;
    callbacks.tag = on_tag;
    callbacks.null = on_null;
    struct cbor_decoder_result result = cbor_stream_decode(in->p, in->n, &callbacks, &taken);
    if (result.status != CBOR_DECODER_FINISHED || !taken.is_good) {
        return false;
    }
    *out = taken.head;
    in->p += result.read;
    in->n -= result.read;
    return true;
}

/* On another kind than is expected, nothing is taken. */
static bool take_of(struct bytes *in, enum cbor_kind kind, struct cbor_head *out)
{
    struct bytes rest = *in;
    if (!cbor_take(&rest, out) || out->kind != kind) {
        return false;
    }
    *in = rest;
    return true;
}

bool cbor_take_int(struct bytes *in, int64_t *out)
{
    struct cbor_head head;
    bool is_taken = take_of(in, CBOR_INT, &head);
    *out = is_taken ? head.number : 0;
    return is_taken;
}

static bool take_number(struct bytes *in, enum cbor_kind kind, int64_t expected)
{
    struct bytes rest = *in;
    struct cbor_head head;
    if (!take_of(&rest, kind, &head) || head.number != expected) {
        return false;
    }
    *in = rest;
    return true;
}

bool cbor_take_key(struct bytes *in, int64_t expected)
{
    return take_number(in, CBOR_INT, expected);
}

bool cbor_take_bytes(struct bytes *in, struct bytes *out)
{
    struct cbor_head head = {.bytes = BYTES_NONE};
    bool is_taken = take_of(in, CBOR_BYTES, &head);
    *out = is_taken ? head.bytes : BYTES_NONE;
    return is_taken;
}

bool cbor_take_text(struct bytes *in, char *out, size_t size)
{
    struct cbor_head head;
    if (!take_of(in, CBOR_TEXT, &head) || head.bytes.n >= size ||
        (head.bytes.n > 0 && memchr(head.bytes.p, 0, head.bytes.n) != NULL)) {
        return false;
    }
    memcpy(out, head.bytes.p, head.bytes.n);
    out[head.bytes.n] = '\0';
    return true;
}

bool cbor_take_array(struct bytes *in, size_t n)
{
    return take_number(in, CBOR_ARRAY, (int64_t)n);
}

bool cbor_take_map(struct bytes *in, size_t n)
{
    return take_number(in, CBOR_MAP, (int64_t)n);
}

bool cbor_take_tag(struct bytes *in, uint64_t tag)
{
    return take_number(in, CBOR_TAG, (int64_t)tag);
}

bool cbor_take_null(struct bytes *in)
{
    struct cbor_head head;
    return take_of(in, CBOR_OTHER, &head);
}
