/* The routes of the feature files, for api/routes.c, which lists them. The counts are checked by the
 * compiler: a definition of another size conflicts. Adding a feature adds a line here and one there. */
#ifndef WHORL_API_TABLES_H
#define WHORL_API_TABLES_H

#include "api/http.h"

extern const struct route est_routes[12];               /* est.c */
extern const struct route cmp_routes[4];                /* cmp.c */
extern const struct route device_status_routes[3];      /* device_status.c */
extern const struct route device_firmware_routes[6];    /* device_firmware.c */
extern const struct route download_url_routes[2];       /* download_urls.c */
extern const struct route device_enrol_routes[1];       /* device_enrol.c */
extern const struct route batch_routes[5];              /* batches.c */
extern const struct route device_routes[2];             /* devices.c */
extern const struct route product_routes[4];            /* products.c */
extern const struct route profile_routes[7];            /* profiles.c */
extern const struct route hub_routes[4];                /* hubs.c */
extern const struct route token_routes[7];              /* tokens.c */
extern const struct route tenant_routes[4];             /* tenants.c */
extern const struct route authority_routes[3];          /* authorities.c */
extern const struct route authority_crl_routes[1];      /* authority_crls.c */
extern const struct route authority_import_routes[3];   /* authority_imports.c */
extern const struct route authority_order_routes[7];    /* authority_orders.c */
extern const struct route clock_routes[2];              /* clock.c */
extern const struct route certificate_routes[2];        /* certificates.c */
extern const struct route whoami_routes[1];             /* whoami.c */
extern const struct route public_routes[5];             /* public.c */
extern const struct route ocsp_routes[2];               /* ocsp.c */
extern const struct route metrics_routes[1];            /* metrics.c */
extern const struct route device_action_routes[8];      /* device_actions.c */
extern const struct route device_description_routes[1]; /* device_description.c */
extern const struct route device_history_routes[2];     /* device_history.c */
extern const struct route certificate_list_routes[1];   /* certificate_list.c */
extern const struct route audit_routes[1];              /* audit.c */
extern const struct route audit_export_routes[1];       /* audit_export.c */
extern const struct route event_routes[1];              /* events.c */
extern const struct route client_certificate_routes[5]; /* client_certificates.c */
extern const struct route webhook_routes[7];            /* webhooks.c */
extern const struct route webhook_order_routes[4];      /* webhook_orders.c */
extern const struct route audit_checkpoint_routes[1];   /* audit_checkpoint.c */
extern const struct route openapi_routes[1];            /* openapi.c */
extern const struct route code_routes[4];               /* codes.c */
extern const struct route cmp_code_routes[3];           /* cmp_codes.c */
extern const struct route vendor_ca_routes[5];          /* vendor_cas.c */
extern const struct route approval_routes[5];           /* approvals.c */
extern const struct route dual_control_routes[4];       /* dual_control.c */
extern const struct route operation_routes[3];          /* operations.c */
extern const struct route mass_revoke_routes[2];        /* mass_revoke.c */
extern const struct route rekey_plan_routes[9];         /* rekey_plans.c */
extern const struct route rekey_device_routes[4];       /* rekey_devices.c */
extern const struct route rollout_routes[9];            /* rollouts.c */
extern const struct route rollout_device_routes[5];     /* rollout_devices.c */
extern const struct route transfer_routes[6];           /* transfers.c */
extern const struct route role_routes[5];               /* roles.c */
extern const struct route user_routes[7];               /* users.c */
extern const struct route login_routes[5];              /* login.c */
extern const struct route session_routes[2];            /* sessions.c */
extern const struct route alarm_routes[1];              /* alarms.c */
extern const struct route firmware_policy_routes[3];    /* firmware_policy.c */
extern const struct route firmware_anchors_routes[2];   /* firmware_anchors.c */
extern const struct route firmware_signature_routes[3]; /* firmware_signatures.c */
extern const struct route firmware_key_routes[9];       /* firmware_keys.c */
extern const struct route boot_key_routes[4];           /* boot_keys.c */
extern const struct route ddi_poll_routes[7];           /* ddi_poll.c */
extern const struct route ddi_action_routes[6];         /* ddi_actions.c */
extern const struct route ddi_module_routes[3];         /* ddi_modules.c */
extern const struct route swupdate_routes[2];           /* swupdate.c */
extern const struct route target_token_routes[3];       /* target_tokens.c */
extern const struct route firmware_image_routes[6];     /* firmware_images.c */
extern const struct route firmware_upload_routes[5];    /* firmware_uploads.c */
extern const struct route release_routes[5];            /* firmware_releases.c */
extern const struct route release_step_routes[6];       /* firmware_release_steps.c */

#endif
