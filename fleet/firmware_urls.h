/* Signed addresses of images, for a device whose downloader cannot show its certificate. The device asks for
 * one with its certificate; who has the address may fetch these bytes for it, with GET, until it expires, and
 * twice their size at most. What the certificate and the device may is looked at again by each request.
 * HMAC-SHA256 under a key of the hour, which is derived from a secret of the keystore; those of this hour and
 * of the one before are taken. */
#ifndef WHORL_FLEET_FIRMWARE_URLS_H
#define WHORL_FLEET_FIRMWARE_URLS_H

#include "fleet/firmware_offers.h"

enum {
    FIRMWARE_URL_TTL_MAX_S = 900,
    FIRMWARE_URL_KEY_MS = 3600 * 1000, /* at least as long as an address may live: two keys are enough */
    FIRMWARE_URL_BUDGET = 2            /* times the size of the image */
};

/* What an address says, all of it signed. */
struct firmware_url {
    struct sha256 digest; /* of the image */
    struct device_id device;
    char authority[AUTHORITY_ID_SIZE]; /* with the serial: the certificate with which it was asked for */
    uint8_t serial[CERTIFICATE_SERIAL_SIZE];
    int64_t expires_s; /* Unix seconds */
    int64_t key;
    struct sha256 signature;
};

struct firmware_urls; /* what was fetched by the addresses that have not expired: of struct fleet */
err_t firmware_urls_new(struct firmware_urls **out);
void firmware_urls_free(struct firmware_urls *urls);

/** An address for an image that the device may have now. @param ttl_s 1 … FIRMWARE_URL_TTL_MAX_S
 *  @errors ERR_FORBIDDEN the product makes none, of firmware_grant(); ERR_UNPROCESSABLE ttl_s; ERR_DB
 *  @thread worker, like all functions here but the last */
err_t firmware_url_make(struct fleet *fleet, const struct contact *contact, const struct sha256 *digest,
                        int64_t ttl_s, struct firmware_url *out);

/** Whether an address is good now. @param method as the request names it
 *  @param[out] contact the device as if it had come with its certificate
 *  @errors ERR_FORBIDDEN not signed here for this, or what the device or its product is now forbids it;
 *  ERR_GONE expired; of firmware_grant() */
err_t firmware_url_check(struct fleet *fleet, const char *method, const struct firmware_url *url,
                         struct contact *contact, struct firmware_grant *grant);
/** Takes so many bytes of the address's budget. @errors ERR_GONE there are not as many left; ERR_BUSY too
 *  many addresses are in use */
err_t firmware_url_spend(struct fleet *fleet, const struct firmware_url *url, int64_t size, int64_t bytes);
/** Gives back what did not leave. @thread any */
void firmware_url_refund(struct fleet *fleet, const struct firmware_url *url, int64_t bytes);

#endif
