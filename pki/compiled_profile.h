/* The inside of a compiled profile. Private to certificate_profile.c and authority_issue_device.c. */
#ifndef WHORL_PKI_COMPILED_PROFILE_H
#define WHORL_PKI_COMPILED_PROFILE_H

#include "pki/certificate_profile.h"

struct compiled_profile {
    struct certificate_profile profile;
    struct buf extensions; /* keyUsage and all behind it up to the addresses of publication: whole DER */
    struct buf hw_type;    /* content octets; empty without a hardwareModuleName */
};

#endif
