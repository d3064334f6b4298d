/* What an operator or a service manager says to the server: whorl.conf, lists of networks, names of keys in a
 * token, descriptors that were handed over. A file that was accepted once is accepted as it is written out.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/whorld/config.h"
#include "cmd/whorld/sockets.h"
#include "outbound/ip.h"
#include "pki/pkcs11.h"
#include "tests/fuzz/fuzz.h"

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_file(const struct buf *text)
{
    AUTO_VAL(buf) written = {0};
    struct config *config = calloc(2, sizeof *config);
    must(config != NULL);
    if (config_read(text, &config[0]).code == ERR_OK && config_check(&config[0]).code == ERR_OK) {
        err_t error = config_render_file(&config[0], &written);
        must(error.code == ERR_OK || error.code == ERR_UNPROCESSABLE);
        must(error.code != ERR_OK ||
             (config_read(&written, &config[1]).code == ERR_OK && config_check(&config[1]).code == ERR_OK &&
              config_needs_restart(&config[0], &config[1]) == NULL));
    }
    free(config);
}

static void check_sockets(char *text)
{
    struct sockets sockets;
    char *names = strchr(text, '\n');
    if (names == NULL) {
        return;
    }
    *names = '\0';
    const struct socket_words words = {"7", text, names + 1};
    if (sockets_read(&words, 8, &sockets).code == ERR_OK) {
        must(sockets.count == 0); /* meant for another process: none of the fuzzer's own is touched */
    }
}

static void check_words(const char *text)
{
    struct networks networks;
    struct pkcs11_name name, again;
    AUTO_VAL(buf) uri = {0};
    struct ip ip;
    if (networks_read(text, &networks).code == ERR_OK && networks.count > 0) {
        must(networks.count <= NETWORKS_MAX && networks_hold(&networks, &networks.rows[0].first));
    }
    if (ip_read(text, &ip)) {
        char written[IP_TEXT_SIZE];
        struct ip same;
        ip_format(&ip, written);
        must(ip_read(written, &same) && ip_equal(&ip, &same));
    }
    if (pkcs11_name_parse(text, &name).code == ERR_OK) {
        must(name.id_size <= PKCS11_ID_MAX && pkcs11_name_uri(&name, NULL, &uri).code == ERR_OK);
        must(pkcs11_name_parse(buf_str(&uri), &again).code == ERR_OK);
        must(strcmp(name.label, again.label) == 0 && name.id_size == again.id_size &&
             memcmp(name.id, again.id, name.id_size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_VAL(buf) text = {0};
    must(buf_append(&text, data, size).code == ERR_OK && buf_str(&text) != NULL);
    if (size > 65536) {
        return 0;
    }
    check_file(&text);
    check_words(buf_str(&text));
    if (size > 0) {
        check_sockets((char *)text.p);
    }
    return 0;
}
