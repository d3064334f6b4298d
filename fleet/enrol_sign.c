/* Signs a device certificate before the transaction, so that the one writer never waits for a signature. What
 * is made here is dropped when the transaction decides otherwise. */
#include <string.h>

#include "fleet/authority_set.h"
#include "fleet/crl_shards.h"
#include "fleet/enrol_internal.h"
#include "fleet/profile_cache.h"

enum { BACKDATE_MS = 10 * 60 * 1000 }; /* devices' clocks run behind */

/* Where a later version of the profile allows less than the product says, it is the profile that counts. */
static int64_t lifetime_ms(const struct enrol_view *view, const struct profile_spec *spec)
{
    int64_t life_s = view->product.certificate_ttl_s;
    return (life_s < spec->max_lifetime_s ? life_s : spec->max_lifetime_s) * 1000;
}

err_t enrol_sign(struct fleet *fleet, const struct enrol_order *order, const struct enrol_view *view,
                 struct enrol_signed *out)
{
    const struct profile_spec *profile = &out->profile->spec;
    char crl_url[CRL_URL_SIZE];
    struct enrol_subject subject;
    TRY(enrol_subject(fleet, view, out->profile, &subject));
    TRY(certificate_profile_accepts(&profile->certificate, &subject.subject));
    struct certificate_spec spec = {.not_before_ms = view->now_ms - BACKDATE_MS,
                                    .not_after_ms = view->now_ms + lifetime_ms(view, profile),
                                    .publication = {.public_url = fleet->public_url},
                                    .profile = out->profile->compiled};
    AUTO_PTR(authority_set) *set = authority_set_take(fleet);
    const struct authority_member *issuer = NULL;
    TRY(authority_set_issuer(set, profile->role, &view->device.tenant, view->product.authority, &issuer));
    TRY(random_fill(fleet->random, spec.serial, sizeof spec.serial));
    serial_normalise(spec.serial);
    TRY(crl_url_for(issuer, spec.serial, crl_url));
    spec.publication.crl_url = crl_url[0] != '\0' ? crl_url : NULL;
    out->is_there = false;
    TRY(authority_issue_device(issuer->authority, order->csr, &subject.subject, &spec, &out->issued));
    memcpy(out->authority, issuer->id, sizeof out->authority);
    out->authorities = authority_set_change(set);
    out->is_there = true;
    out->product_ver = view->product.ver;
    return OK;
}
