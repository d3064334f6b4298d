/* The table of the journal's kinds: which fields of an entry each one has, in the order of its bytes. What is
 * written once is read for ever: a field is added at the end, with the version that brought it. */
#include "db/journal_fields.h"

#include <stddef.h>

#define MEMBER_SIZE(member) sizeof(((struct journal_entry *)NULL)->member)
#define U8(member)                                                                                           \
    {                                                                                                        \
        FIELD_U8, offsetof(struct journal_entry, member), 1, 0                                               \
    }
#define I64(member)                                                                                          \
    {                                                                                                        \
        FIELD_I64, offsetof(struct journal_entry, member), 8, 0                                              \
    }
#define RAW(member)                                                                                          \
    {                                                                                                        \
        FIELD_RAW, offsetof(struct journal_entry, member), MEMBER_SIZE(member), 0                            \
    }
#define TEXT(member)                                                                                         \
    {                                                                                                        \
        FIELD_TEXT, offsetof(struct journal_entry, member), MEMBER_SIZE(member), 0                           \
    }
#define BYTES(member)                                                                                        \
    {                                                                                                        \
        FIELD_BYTES, offsetof(struct journal_entry, member), 0, 0                                            \
    }
#define END                                                                                                  \
    {                                                                                                        \
        FIELD_END, 0, 0, 0                                                                                   \
    }
/* Every kind about a certificate says which one, and all of its state after the change. */
#define OF_CERTIFICATE                                                                                       \
    RAW(certificate.serial), TEXT(certificate.authority), RAW(tenant), RAW(device),                          \
        I64(certificate.generation), U8(certificate.state), I64(certificate.confirmed_at),                   \
        I64(certificate.first_used_at), I64(certificate.superseded_at), I64(certificate.revoked_at),         \
        I64(certificate.reason)

static const struct journal_field EPOCH[] = {RAW(node), I64(epoch), END};
static const struct journal_field ISSUE[] = {
    OF_CERTIFICATE,
    RAW(certificate.spki_sha256),
    RAW(certificate.linked_by),
    U8(certificate.link),
    I64(certificate.not_before),
    I64(certificate.not_after),
    I64(certificate.issued_at),
    BYTES(certificate.der),
    {FIELD_TEXT, offsetof(struct journal_entry, certificate.profile), MEMBER_SIZE(certificate.profile), 2},
    {FIELD_I64, offsetof(struct journal_entry, certificate.profile_version), 8, 2},
    END};
static const struct journal_field CERTIFICATE[] = {OF_CERTIFICATE, END};
static const struct journal_field DEVICE[] = {RAW(device),
                                              RAW(tenant),
                                              RAW(change.batch),
                                              RAW(change.product),
                                              U8(change.state),
                                              U8(change.claim),
                                              U8(change.key_origin),
                                              U8(change.reenrol_allowed),
                                              I64(change.generation),
                                              I64(change.registered_at),
                                              I64(change.enrolled_at),
                                              I64(change.transferred_at),
                                              I64(change.rekey_requested_at),
                                              I64(change.rekey_above),
                                              TEXT(change.serial),
                                              TEXT(change.model),
                                              BYTES(change.spki),
                                              END};
static const struct journal_field CRL[] = {TEXT(certificate.authority), I64(shard), I64(number), END};
static const struct journal_field ACTION[] = {RAW(tenant), RAW(device), I64(number), END};
static const struct journal_field LINE[] = {
    RAW(tenant),       RAW(line.product), RAW(line.release),  I64(line.sequence),
    I64(line.counter), TEXT(line.class),  TEXT(line.version), END};
static const struct journal_field AUTHORITY[] = {
    TEXT(certificate.authority),
    TEXT(authority.role),
    U8(authority.is_gone),
    U8(authority.state),
    U8(authority.is_default),
    U8(authority.is_external),
    U8(authority.has_tenant),
    RAW(tenant),
    TEXT(authority.issuer),
    TEXT(authority.predecessor),
    I64(authority.crl_shards),
    I64(authority.ends_at),
    I64(authority.key_purposes),
    I64(authority.created_at),
    I64(authority.ver),
    BYTES(authority.crl_base),
    BYTES(authority.certificate),
    BYTES(authority.request),
    {FIELD_I64, offsetof(struct journal_entry, authority.compromised_at), 8, 2},
    {FIELD_I64, offsetof(struct journal_entry, authority.rekey_by), 8, 2},
    END};
static const struct journal_field AUTHORITY_ORDER[] = {TEXT(certificate.authority), U8(order.kind),
                                                       U8(order.is_external),       I64(order.key_algorithm),
                                                       I64(order.lifetime_days),    I64(order.created_at),
                                                       TEXT(order.actor),           TEXT(order.request_id),
                                                       BYTES(order.permitted_dns),  END};
static const struct journal_field AUTHORITY_CERTIFICATE[] = {
    TEXT(certificate.authority), TEXT(signed_for.subject),
    U8(signed_for.kind),         I64(signed_for.not_before),
    I64(signed_for.not_after),   I64(signed_for.revoked_at),
    I64(signed_for.reason),      BYTES(signed_for.serial),
    BYTES(signed_for.der),       END};
static const struct journal_field RANGE[] = {I64(first), I64(last), END};

static const struct journal_kind_fields KINDS[JOURNAL_KINDS] = {
    [JOURNAL_EPOCH] = {"epoch", EPOCH, 1},
    [JOURNAL_ISSUE] = {"issue", ISSUE, 2},
    [JOURNAL_CONFIRM] = {"confirm", CERTIFICATE, 1},
    [JOURNAL_SUPERSEDE] = {"supersede", CERTIFICATE, 1},
    [JOURNAL_REVOKE] = {"revoke", CERTIFICATE, 1},
    [JOURNAL_DEVICE] = {"device", DEVICE, 1},
    [JOURNAL_CRL] = {"crl", CRL, 1},
    [JOURNAL_ROLLBACK] = {"rollback", RANGE, 1},
    [JOURNAL_REPLAY] = {"replay", RANGE, 1},
    [JOURNAL_ACTION] = {"action", ACTION, 1},
    [JOURNAL_LINE] = {"firmware_line", LINE, 1},
    [JOURNAL_AUTHORITY] = {"authority", AUTHORITY, 2},
    [JOURNAL_AUTHORITY_ORDER] = {"authority_order", AUTHORITY_ORDER, 1},
    [JOURNAL_AUTHORITY_CERTIFICATE] = {"authority_certificate", AUTHORITY_CERTIFICATE, 1},
};

const struct journal_kind_fields *journal_fields_of(int kind)
{
    return kind > 0 && kind < JOURNAL_KINDS ? &KINDS[kind] : NULL;
}

const char *journal_kind_name(int kind)
{
    const struct journal_kind_fields *of = journal_fields_of(kind);
    return of != NULL ? of->name : "entry of an unknown kind";
}
