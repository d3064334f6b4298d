/* A certificate profile as the operator writes it: what stands in certificates (pki/certificate_profile.h),
 * who issues them, over which keys and for how long; in JSON and back. Which are built in is here too. */
#ifndef WHORL_FLEET_PROFILE_SPEC_H
#define WHORL_FLEET_PROFILE_SPEC_H

#include "base/json.h"
#include "db/sizes.h"
#include "pki/authority.h"

enum { PROFILE_BODY_MAX = 8192 };

struct profile_spec {
    struct certificate_profile certificate;
    enum authority_role role;  /* DEVICE or EDGE */
    uint32_t key_algorithms;   /* bits of key_algorithm_bit() */
    int64_t max_lifetime_s;    /* of a certificate; says nothing where it is without end */
    bool is_identity_key_only; /* over the identity key, and no other */
    bool is_first_key_only;    /* over the identity key and generation 1: a device keeps it for life */
};

/* What is asked for; NULL and has_… false: not there. Texts and lists are of the document. */
struct profile_change {
    const char *name;
    bool has_subject, has_role, has_key_usage, has_key_purposes, has_extensions, has_key_algorithms,
        has_max_lifetime_s, has_no_expiry, has_identity_uri, has_identity_key_only, has_first_key_only;
    enum profile_subject subject;
    enum authority_role role;
    uint32_t key_usage, key_purposes, extensions, key_algorithms;
    int64_t max_lifetime_s;
    bool no_expiry, identity_uri, identity_key_only, first_key_only;
    bool has_uri_template, has_dns_template, has_hardware_type, has_policies;
    const char *uri_template, *dns_template, *hardware_type; /* NULL though there: taken away */
    const json_t *policies;
};
/** Reads and checks each field by itself. @param is_new a name must be there; else none may be
 *  @errors of memory only: what is wrong is in the faults @thread any, like all functions here */
err_t profile_change_read(const json_t *document, bool is_new, struct faults *faults,
                          struct profile_change *out);
/** What the change makes of `spec`. */
void profile_change_apply(const struct profile_change *change, struct profile_spec *spec);
/** What one field asks of another. @errors of memory only */
err_t profile_spec_check(const struct profile_spec *spec, struct faults *faults);

/** All members but name, version and times, in a fixed order. @param[out] out an object, members are added */
err_t profile_spec_write(const struct profile_spec *spec, json_t *out);
/** Of what profile_spec_write() wrote. @errors ERR_DB it is none */
err_t profile_spec_parse(struct bytes body, struct profile_spec *out);

/* In order of name. */
struct built_in_profile {
    const char *name;
    const char *help; /* for people */
    struct profile_spec spec;
};
enum { BUILT_IN_PROFILES = 3, BUILT_IN_VERSION = 1 };
/** NULL behind the last. */
const struct built_in_profile *built_in_profile_at(size_t index);
/** @param name "" is "ldevid" @return NULL: none of this name */
const struct built_in_profile *built_in_profile_find(struct bytes name);

#endif
