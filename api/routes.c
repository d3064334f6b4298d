/* Every route of this server: the rows of the feature files, in one list. The server's router reads it once
 * at start. */
#include "api/api.h"
#include "api/tables.h"

#define TABLE(rows)                                                                                          \
    {                                                                                                        \
        (rows), sizeof(rows) / sizeof(rows)[0]                                                               \
    }

static const struct route_table tables[] = {
    TABLE(est_routes),
    TABLE(cmp_routes),
    TABLE(device_status_routes),
    TABLE(device_firmware_routes),
    TABLE(download_url_routes),
    TABLE(device_enrol_routes),
    TABLE(batch_routes),
    TABLE(device_routes),
    TABLE(certificate_routes),
    TABLE(whoami_routes),
    TABLE(public_routes),
    TABLE(ocsp_routes),
    TABLE(metrics_routes),
    TABLE(product_routes),
    TABLE(profile_routes),
    TABLE(hub_routes),
    TABLE(token_routes),
    TABLE(tenant_routes),
    TABLE(authority_routes),
    TABLE(authority_crl_routes),
    TABLE(authority_import_routes),
    TABLE(authority_order_routes),
    TABLE(clock_routes),
    TABLE(device_action_routes),
    TABLE(device_description_routes),
    TABLE(device_history_routes),
    TABLE(certificate_list_routes),
    TABLE(audit_routes),
    TABLE(audit_export_routes),
    TABLE(event_routes),
    TABLE(client_certificate_routes),
    TABLE(webhook_routes),
    TABLE(webhook_order_routes),
    TABLE(audit_checkpoint_routes),
    TABLE(openapi_routes),
    TABLE(code_routes),
    TABLE(cmp_code_routes),
    TABLE(vendor_ca_routes),
    TABLE(approval_routes),
    TABLE(dual_control_routes),
    TABLE(operation_routes),
    TABLE(mass_revoke_routes),
    TABLE(rekey_plan_routes),
    TABLE(rekey_device_routes),
    TABLE(rollout_routes),
    TABLE(rollout_device_routes),
    TABLE(transfer_routes),
    TABLE(role_routes),
    TABLE(user_routes),
    TABLE(login_routes),
    TABLE(session_routes),
    TABLE(alarm_routes),
    TABLE(firmware_policy_routes),
    TABLE(release_routes),
    TABLE(release_step_routes),
    TABLE(firmware_key_routes),
    TABLE(firmware_signature_routes),
    TABLE(boot_key_routes),
    TABLE(ddi_poll_routes),
    TABLE(ddi_action_routes),
    TABLE(ddi_module_routes),
    TABLE(swupdate_routes),
    TABLE(target_token_routes),
    TABLE(firmware_anchors_routes),
    TABLE(firmware_image_routes),
    TABLE(firmware_upload_routes),
};

const struct route_table *api_routes(size_t *count)
{
    *count = sizeof tables / sizeof tables[0];
    return tables;
}
