/* DER writer (backwards) and reader (forwards), X.690 §10. The reader takes definite lengths below 64 KiB
 * only. */
#include "device/core/der.h"

void whorl_der_begin(struct whorl_der *der, struct whorl_space room)
{
    der->room = room;
    der->at = room.size;
    der->is_full = false;
}

void whorl_der_bytes(struct whorl_der *der, struct whorl_bytes bytes)
{
    if (der->is_full || bytes.size > der->at) {
        der->is_full = true;
        return;
    }
    der->at -= bytes.size;
    whorl_copy(der->room.data + der->at, bytes.data, bytes.size);
}

void whorl_der_wrap(struct whorl_der *der, uint8_t tag, size_t end)
{
    size_t length = end - der->at;
    uint8_t header[4] = {tag, (uint8_t)length, 0, 0};
    size_t size = 2;
    if (length >= 0x100) {
        header[1] = 0x82;
        whorl_put_u16(header + 2, (uint16_t)length);
        size = 4;
    } else if (length >= 0x80) {
        header[1] = 0x81;
        header[2] = (uint8_t)length;
        size = 3;
    }
    der->is_full = der->is_full || length > 0xffff;
    struct whorl_bytes bytes = {header, size};
    whorl_der_bytes(der, bytes);
}

void whorl_der_element(struct whorl_der *der, uint8_t tag, struct whorl_bytes content)
{
    size_t end = der->at;
    whorl_der_bytes(der, content);
    whorl_der_wrap(der, tag, end);
}

void whorl_der_integer(struct whorl_der *der, struct whorl_bytes big_endian)
{
    static const uint8_t zero[1] = {0};
    size_t end = der->at;
    while (big_endian.size > 1 && big_endian.data[0] == 0) {
        big_endian.data++;
        big_endian.size--;
    }
    whorl_der_bytes(der, big_endian);
    if (big_endian.data[0] >= 0x80) {
        struct whorl_bytes sign = {zero, 1};
        whorl_der_bytes(der, sign);
    }
    whorl_der_wrap(der, WHORL_DER_INTEGER, end);
}

struct whorl_bytes whorl_der_view(const struct whorl_der *der)
{
    struct whorl_bytes view = {der->room.data + der->at, der->room.size - der->at};
    return view;
}

size_t whorl_der_signature(const uint8_t raw[64], uint8_t out[WHORL_ECDSA_DER_MAX])
{
    struct whorl_der der;
    struct whorl_space room = {out, WHORL_ECDSA_DER_MAX};
    struct whorl_bytes r = {raw, 32};
    struct whorl_bytes s = {raw + 32, 32};
    whorl_der_begin(&der, room);
    whorl_der_integer(&der, s);
    whorl_der_integer(&der, r);
    whorl_der_wrap(&der, WHORL_DER_SEQUENCE, room.size);
    struct whorl_bytes written = whorl_der_view(&der);
    for (size_t i = 0; i < written.size; i++) {
        out[i] = written.data[i];
    }
    return written.size;
}

bool whorl_der_next(struct whorl_bytes *in, struct whorl_der_item *out)
{
    if (in->size < 2) {
        return false;
    }
    size_t header = 2;
    size_t length = in->data[1];
    if (length == 0x81 && in->size >= 3) {
        length = in->data[2];
        header = 3;
    } else if (length == 0x82 && in->size >= 4) {
        length = whorl_get_u16(in->data + 2);
        header = 4;
    } else if (length >= 0x80) {
        return false;
    }
    if (length > in->size - header) {
        return false;
    }
    out->tag = in->data[0];
    out->content.data = in->data + header;
    out->content.size = length;
    out->whole.data = in->data;
    out->whole.size = header + length;
    in->data += out->whole.size;
    in->size -= out->whole.size;
    return true;
}
