/* The configuration of a firmware client for one device: texts for a technician, as docs/firmware.md has
 * them. The certificate, its key and the trust anchor are where --folder says. */
#include <string.h>

#include "cmd/whorl/cli.h"
#include "cmd/whorl/request.h"
#include "cmd/whorl/tables.h"

struct subject {
    const char *host, *folder; /* host: with its port */
    const char *name;          /* what the device polls under */
};

static err_t write_swupdate(const struct subject *s, struct buf *out)
{
    TRY(buf_printf(out,
                   "suricatta : {\n"
                   "    tenant = \"DEFAULT\"; id = \"%s\"; url = \"https://%s\";\n"
                   "    retry = 10; retrywait = 60;\n",
                   s->name, s->host));
    return buf_printf(out,
                      "    cafile = \"%s/ca.pem\"; sslkey = \"%s/device.key\"; sslcert = \"%s/device.crt\";\n"
                      "};\n",
                      s->folder, s->folder, s->folder);
}

static err_t write_general(const struct subject *s, struct buf *out)
{
    TRY(buf_printf(out,
                   "gservice : {\n"
                   "    url = \"https://%s/swupdate/v1/update\"; logurl = \"https://%s/swupdate/v1/log\";\n",
                   s->host, s->host));
    TRY(buf_printf(out,
                   "    cafile = \"%s/ca.pem\"; sslkey = \"%s/device.key\"; sslcert = \"%s/device.crt\";\n",
                   s->folder, s->folder, s->folder));
    return buf_append_str(out, "    logevent : ( { event = \"started\"; format = \"started,date\"; },\n"
                               "                 { event = \"success\"; format = \"success,date\"; },\n"
                               "                 { event = \"fail\"; format = \"fail,date\"; } );\n"
                               "};\n");
}

static err_t write_rauc(const struct subject *s, struct buf *out)
{
    return buf_printf(out,
                      "[client]\n"
                      "hawkbit_server            = %s\n"
                      "ssl                       = true\n"
                      "ssl_verify                = true\n"
                      "ssl_cert                  = %s/device.crt\n"
                      "ssl_key                   = %s/device.key\n"
                      "tenant_id                 = DEFAULT\n"
                      "target_name               = %s\n"
                      "bundle_download_location  = /tmp/bundle.raucb\n"
                      "resume_downloads          = true\n"
                      "\n"
                      "[device]\n"
                      "id                        = %s\n",
                      s->host, s->folder, s->folder, s->name, s->name);
}

static const struct {
    const char *client;
    err_t (*write)(const struct subject *subject, struct buf *out);
} clients[] = {{"swupdate", write_swupdate}, {"swupdate-general", write_general}, {"rauc", write_rauc}};
enum { CLIENT_COUNT = sizeof clients / sizeof clients[0] };

/* It is quoted in the clients' files, where nothing escapes. */
static bool is_plain(const char *text)
{
    return text[0] != '\0' && strpbrk(text, "\"\\ \t\r\n%/?#;") == NULL;
}

/* Its serial, where that can stand in a path as it is; otherwise its id. */
static const char *name_of(const json_t *device)
{
    const char *serial = json_string_value(json_object_get(device, "serial"));
    return serial != NULL && is_plain(serial) ? serial : json_string_value(json_object_get(device, "id"));
}

err_t cli_run_client_config(struct cli *cli, const struct cli_line *line)
{
    const struct cli_request_parts parts = {.clock = cli->clock, .lookup = cli_lookup, .context = cli};
    const char *folder = cli_line_text(line, "--folder");
    const char *client = cli_line_text(line, "--client");
    AUTO_VAL(buf) path = {0};
    AUTO_VAL(buf) out = {0};
    AUTO_VAL(cli_answer) answer = {.status = 0};
    AUTO(json_t) *device = NULL;
    size_t chosen = 0;
    while (chosen < CLIENT_COUNT && strcmp(clients[chosen].client, client) != 0) {
        chosen++;
    }
    ENSURE(chosen < CLIENT_COUNT, ERR_BAD_REQUEST, "--client is swupdate, swupdate-general or rauc");
    TRY(cli_open(cli, line));
    TRY(cli_request_path(&parts, line, &path));
    const struct cli_call call = {.method = CLI_GET, .path = buf_str(&path)};
    TRY(cli_call_json(cli, &call, &answer, &device));
    const struct subject subject = {.host = cli_line_text(line, "--host"),
                                    .folder = folder == NULL ? "/etc/whorl" : folder,
                                    .name = name_of(device)};
    ENSURE(is_plain(subject.host) && strpbrk(subject.folder, "\"\\\r\n") == NULL, ERR_BAD_REQUEST,
           "--host is HOST:PORT of the device listener, --folder a path");
    ENSURE(subject.name != NULL, ERR_UNAVAILABLE, "the server tells no device");
    TRY(clients[chosen].write(&subject, &out));
    return cli_put(&cli->output, buf_view(&out));
}
