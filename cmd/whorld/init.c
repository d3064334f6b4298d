/* `whorld init`: makes a data directory complete, or leaves one that nothing opens. The marker
 * installation.json is written last; until then the file .init says that the directory is half-made, and a
 * second init may clear what the first one left. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/whorld/commands.h"
#include "cmd/whorld/house.h"
#include "fleet/crl_shards.h"
#include "pki/certificate.h"

enum { HOSTS_MAX = 32 };
static const int64_t DAY_MS = 86400000;

/* What init makes, children before their folders: the only names that a repeated init removes. */
static const char *const MADE_FILES[] = {
    "keys/ca-root.key",
    "keys/ca-device.key",
    "keys/ca-infrastructure.key",
    "keys/" HOUSE_TLS_KEY ".key",
    "keys/owner-salt.secret",
    HOUSE_PASSPHRASE,
    HOUSE_SERVER_CERTIFICATE,
    "tls/hosts",
    HOUSE_ANCHOR,
    HOUSE_TOKEN,
    HOUSE_CONFIG,
    HOUSE_DATABASE,
    HOUSE_DATABASE "-journal", /* until WAL is switched on */
    HOUSE_DATABASE "-wal",
    HOUSE_DATABASE "-shm",
    HOUSE_DATABASE ".admin.lock",
};
static const char *const MADE_FOLDERS[] = {"keys", "tls", HOUSE_FIRMWARE};

static err_t folder_is_empty(const char *folder, bool *out)
{
    DIR *dir = opendir(folder);
    ENSURE(dir != NULL, ERR_IO, "%.100s: %s", folder, strerror(errno));
    *out = true;
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
            strcmp(e->d_name, "lost+found") != 0) {
            *out = false;
        }
    }
    (void)closedir(dir);
    return OK;
}

/* Temporary files of an interrupted durable write, in one folder: those whose name begins so. */
static err_t clear_temporaries(const char *folder, const char *beginning)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return OK;
    }
    for (const struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (strncmp(e->d_name, beginning, strlen(beginning)) == 0 &&
            strstr(e->d_name, FILE_TEMPORARY) != NULL) {
            (void)unlinkat(dirfd(dir), e->d_name, 0);
        }
    }
    (void)closedir(dir);
    return OK;
}

/* The mark goes last: whatever ends this in the middle, the next init still knows whose the rest is. */
static err_t clear_half_made(const char *folder, const char *started)
{
    AUTO(char) *keys = NULL;
    AUTO(char) *tls = NULL;
    TRY(path_join(folder, "keys", &keys));
    TRY(path_join(folder, "tls", &tls));
    TRY(clear_temporaries(keys, ""));
    TRY(clear_temporaries(tls, ""));
    TRY(clear_temporaries(folder, ""));
    for (size_t i = 0; i < sizeof MADE_FILES / sizeof MADE_FILES[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FILES[i], &path));
        ENSURE(unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR, ERR_IO, "%.100s: %s", path,
               strerror(errno));
    }
    for (size_t i = 0; i < sizeof MADE_FOLDERS / sizeof MADE_FOLDERS[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FOLDERS[i], &path));
        ENSURE(rmdir(path) == 0 || errno == ENOENT, ERR_CONFLICT, "%.100s: %s", path, strerror(errno));
    }
    TRY(folder_sync(folder));
    ENSURE(unlink(started) == 0, ERR_IO, "%.100s: %s", started, strerror(errno));
    return folder_sync(folder);
}

/* An empty or missing folder, or one that an interrupted init left, becomes one that is marked as half-made.
 */
static err_t prepare(const char *folder)
{
    AUTO(char) *started = NULL;
    AUTO(char) *marker = NULL;
    TRY(path_join(folder, HOUSE_STARTED, &started));
    TRY(path_join(folder, HOUSE_MARKER, &marker));
    if (!file_exists(folder)) {
        TRY(folder_make(folder, 0700));
    }
    ENSURE(!file_exists(marker), ERR_CONFLICT, "there is an installation in %.100s already", folder);
    if (file_exists(started)) {
        TRY(clear_half_made(folder, started));
    }
    TRY(clear_temporaries(folder, HOUSE_STARTED)); /* an init that ended before its mark stood */
    bool empty = false;
    TRY(folder_is_empty(folder, &empty));
    ENSURE(empty, ERR_CONFLICT, "%.100s is not empty", folder);
    TRY(file_write_durable(started, bytes_str("init is at work\n"), 0600));
    for (size_t i = 0; i < sizeof MADE_FOLDERS / sizeof MADE_FOLDERS[0]; i++) {
        AUTO(char) *path = NULL;
        TRY(path_join(folder, MADE_FOLDERS[i], &path));
        TRY(folder_make(path, 0700));
    }
    return OK;
}

static err_t make_authority(struct house *house, enum authority_role role, struct authority **out)
{
    static const char *const ids[] = {"root", "device", "infrastructure"};
    static const int64_t days[] = {20 * 365 + 5, 10 * 365 + 2, 10 * 365 + 2};
    char label[64] = "ca-";
    strncat(label, ids[role], sizeof label - 4);
    uint8_t serial[SERIAL_SIZE];
    AUTO_PTR(private_key) *key = NULL;
    AUTO_VAL(buf) der = {0};
    int64_t now = clock_now_ms(clock_system());
    struct authority_spec spec = {
        .id = ids[role],
        .role = role,
        .organisation = house->config.name,
        .not_before_ms = now - 3600000,
        .not_after_ms = now + days[role] * DAY_MS,
        .publication = {.public_url = house->config.public_url},
    };
    TRY(random_fill(random_system(), serial, sizeof serial));
    TRY(keystore_generate(house->keystore, label, KEY_ALG_P256, &key));
    if (role == AUTHORITY_ROOT) {
        TRY(authority_make_root(&spec, key, serial, &der));
    } else {
        TRY(authority_make_issuing(&spec, key, house->root, serial, &der));
    }
    return authority_load(ids[role], role, buf_view(&der), TAKE(key), out);
}

static err_t make_keys(struct house *house)
{
    AUTO_VAL(secret) passphrase = {0};
    AUTO(char) *keys = NULL;
    bool is_embedded = false;
    bool given = house->config.ca_passphrase_file[0] != '\0' ||
                 config_environment("WHORL_CA_PASSPHRASE") != NULL ||
                 config_environment("CREDENTIALS_DIRECTORY") != NULL;
    if (!given) {
        TRY(passphrase_make(house->folder));
    }
    TRY(passphrase_read(house->folder, &house->config, &passphrase, &is_embedded));
    TRY(house_path(house, HOUSE_KEYS, &keys));
    TRY(keystore_open_files(keys, buf_view(&passphrase.bytes), random_system(), &house->keystore));
    TRY(make_authority(house, AUTHORITY_ROOT, &house->root));
    TRY(make_authority(house, AUTHORITY_DEVICE, &house->device));
    TRY(make_authority(house, AUTHORITY_INFRASTRUCTURE, &house->infrastructure));
    return keystore_generate(house->keystore, HOUSE_TLS_KEY, KEY_ALG_P256, &house->tls_key);
}

static err_t write_files(struct house *house, struct first_token *token)
{
    AUTO(char) *anchor = NULL;
    AUTO(char) *conf = NULL;
    AUTO(char) *token_path = NULL;
    AUTO_VAL(buf) pem = {0};
    AUTO_VAL(buf) settings = {0};
    AUTO_VAL(buf) leaf = {0};
    bool is_new = false;
    TRY(house_path(house, HOUSE_ANCHOR, &anchor));
    TRY(house_path(house, HOUSE_CONFIG, &conf));
    TRY(house_path(house, HOUSE_TOKEN, &token_path));
    TRY(certificate_to_pem(authority_borrow_der(house->root), &pem));
    TRY(file_write_durable(anchor, buf_view(&pem), 0644));
    TRY(config_render_file(&house->config, &settings));
    TRY(file_write_durable(conf, buf_view(&settings), 0644));
    TRY(server_certificate_ensure(house, &leaf, &is_new));
    TRY(house_open_db(house, HOUSE_FOUND));
    TRY(house_open_fleet(house));
    TRY(fleet_found(house->fleet, token));
    AUTO_VAL(buf) line = {0};
    TRY(buf_printf(&line, "%s\n", token->text));
    err_t written = file_write_durable(token_path, buf_view(&line), 0600);
    bytes_wipe(line.p, line.n);
    return written;
}

static err_t finish(struct house *house)
{
    AUTO(char) *marker = NULL;
    AUTO(char) *started = NULL;
    TRY(house_path(house, HOUSE_MARKER, &marker));
    TRY(house_path(house, HOUSE_STARTED, &started));
    TRY(file_write_durable(marker, bytes_str("{\"format\":1,\"program\":\"whorld\"}\n"), 0644));
    ENSURE(unlink(started) == 0, ERR_IO, "%.100s: %s", started, strerror(errno));
    return folder_sync(house->folder);
}

static err_t build(struct house *house, struct first_token *token)
{
    TRY(log_new(STDERR_FILENO, LOG_WARN, clock_system(), &house->log));
    TRY(prepare(house->folder));
    TRY(make_keys(house));
    TRY(write_files(house, token));
    /* the inventory is closed (and its WAL folded in) before the marker says that all is there */
    fleet_free(TAKE(house->fleet));
    db_close(TAKE(house->db));
    return finish(house);
}

static void tell(const struct house *house, const struct first_token *token)
{
    const char *dir = house->folder;
    printf("Made %s\n\n"
           "  trust anchor   %s/" HOUSE_ANCHOR " (give it to devices and clients)\n"
           "  settings       %s/" HOUSE_CONFIG "\n"
           "  admin token    %s   (shown this once; also in %s/" HOUSE_TOKEN ")\n\n",
           dir, dir, dir, token->text, dir);
    printf(
        "Keep now, apart from each other:\n"
        "  %s/keys/          the CA keys, encrypted; without them no certificate can be issued or revoked\n"
        "  the passphrase of these keys%s\n"
        "and back up regularly:  whorld backup --dir %s --to FILE --recipient CERT.pem   (docs/backup.md)\n\n"
        "Run it:  whorld serve --dir %s\n",
        dir,
        file_exists(house->config.ca_passphrase_file) ? "" : " (keys/passphrase, unless you gave your own)",
        dir, dir);
}

static err_t settings_from(const char *name, const char **hosts, int host_count, const char *public_url,
                           struct config *config)
{
    config_defaults(config);
    if (name != NULL) {
        ENSURE(name[0] != '\0' && strlen(name) <= 64, ERR_UNPROCESSABLE, "--name: 1 … 64 bytes");
        memcpy(config->name, name, strlen(name) + 1);
    }
    if (host_count > 0) {
        AUTO_VAL(buf) list = {0};
        for (int i = 0; i < host_count; i++) {
            ENSURE(hosts[i][0] != '\0' && strpbrk(hosts[i], ", \t\r\n;#") == NULL, ERR_UNPROCESSABLE,
                   "--host: \"%.60s\" is no DNS name or IP address", hosts[i]);
            TRY(buf_printf(&list, "%s%s", i > 0 ? "," : "", hosts[i]));
        }
        ENSURE(list.n < CONFIG_TEXT_SIZE, ERR_UNPROCESSABLE, "--host: all names together are too long");
        memcpy(config->hosts, buf_str(&list), list.n + 1);
        bool is_v6 = strchr(hosts[0], ':') != NULL;
        (void)snprintf(config->public_url, sizeof config->public_url,
                       is_v6 ? "http://[%.400s]:8080" : "http://%.400s:8080", hosts[0]);
    }
    if (public_url != NULL) {
        ENSURE(strlen(public_url) < CONFIG_TEXT_SIZE, ERR_UNPROCESSABLE, "--public-url: too long");
        memcpy(config->public_url, public_url, strlen(public_url) + 1);
    }
    return config_check(config);
}

/* Fixed for the life of the authority, with the address that its certificates will show. */
static err_t shards_from(const char *text, struct house *house)
{
    char *end = NULL;
    long count = strtol(text, &end, 10);
    ENSURE(text[0] >= '0' && text[0] <= '9' && *end == '\0' && crl_shards_are_valid(count), ERR_UNPROCESSABLE,
           "--crl-shards: 16, 32, 64, 128 or 256 (0: one complete CRL)");
    house->crl_shards = (int)count;
    memcpy(house->crl_base, house->config.public_url, sizeof house->crl_base);
    return OK;
}

int command_init(int argc, char **argv)
{
    const char *dir = NULL;
    const char *name = NULL;
    const char *public_url = NULL;
    const char *passphrase = NULL;
    const char *shards = NULL;
    const char *hosts[HOSTS_MAX];
    int host_count = 0;
    const struct option_spec specs[] = {
        {.name = "dir", .value = &dir},
        {.name = "name", .value = &name},
        {.name = "public-url", .value = &public_url},
        {.name = "passphrase-file", .value = &passphrase},
        {.name = "crl-shards", .value = &shards},
        {.name = "host", .list = hosts, .list_count = &host_count, .list_max = HOSTS_MAX},
    };
    if (!options_read(argc, argv, specs, 6) || dir == NULL) {
        (void)fputs("usage: whorld init --dir DIR [--name NAME] [--host DNS-or-IP]… [--public-url URL] "
                    "[--passphrase-file FILE] [--crl-shards N]\n",
                    stderr);
        return EXIT_USAGE;
    }
    (void)umask(077);
    AUTO_VAL(house) house = {0};
    struct first_token token = {{0}};
    house.folder = strdup(dir);
    err_t error = house.folder == NULL ? ERR(ERR_NO_MEMORY, "no memory")
                                       : settings_from(name, hosts, host_count, public_url, &house.config);
    if (error.code == ERR_OK && passphrase != NULL) {
        size_t n = strlen(passphrase);
        error = n < CONFIG_TEXT_SIZE ? OK : ERR(ERR_UNPROCESSABLE, "--passphrase-file: too long");
        memcpy(house.config.ca_passphrase_file, passphrase, n < CONFIG_TEXT_SIZE ? n + 1 : 0);
    }
    if (error.code == ERR_OK && shards != NULL) {
        error = shards_from(shards, &house);
    }
    if (error.code == ERR_OK) {
        error = build(&house, &token);
    }
    if (error.code != ERR_OK) {
        return fail(error);
    }
    tell(&house, &token);
    bytes_wipe(&token, sizeof token);
    return EXIT_OK;
}
