/* A data directory, opened: settings, keys, authorities, inventory, fleet. Made by `init`, used by every
 * other command. */
#ifndef WHORL_CMD_HOUSE_H
#define WHORL_CMD_HOUSE_H

#include "base/log.h"
#include "base/ports.h"
#include "base/trace_table.h"
#include "cmd/whorld/config.h"
#include "firmware_store/store.h"
#include "fleet/fleet.h"
#include "outbound/http.h"
#include "pki/authority.h"
#include "pki/keystore.h"

/* Names inside the directory. */
#define HOUSE_MARKER             "installation.json" /* written last by init: without it nothing is opened */
#define HOUSE_STARTED            ".init"             /* there while init is at work: a half-made directory */
#define HOUSE_RESTORING          ".restore"          /* there while restore is at work: the same */
#define HOUSE_DATABASE           "inventory.db"
#define HOUSE_BEFORE_MIGRATION   "before-migration" /* copies of the inventory of older schemas */
#define HOUSE_KEYS               "keys"
#define HOUSE_PASSPHRASE         "keys/passphrase"
#define HOUSE_ANCHOR             "ca.pem"
#define HOUSE_TOKEN              "admin.token"
#define HOUSE_CONFIG             "whorl.conf"
#define HOUSE_SERVER_CERTIFICATE "tls/server.pem"
#define HOUSE_TLS_KEY            "tls-server"
#define HOUSE_JOURNAL            "journal" /* unless journal_dir says otherwise */
#define HOUSE_FIRMWARE           "firmware"
#define HOUSE_BLOBS              "firmware/blobs"
#define HOUSE_NODE_SERVE         "whorld"
#define HOUSE_NODE_ADMIN         "admin"

struct house {
    char *folder;
    struct config config;
    struct log *log;
    struct trace_table *traces; /* of the requests that the server runs */
    struct keystore *keystore;
    struct db *db;
    /* those that name the installation and sign for it now; the device authority of init alone */
    struct authority *root, *device, *infrastructure;
    int crl_shards; /* of the device authority that init makes; 0: one complete CRL */
    char crl_base[CONFIG_TEXT_SIZE];
    struct private_key *tls_key;
    struct secret salt;             /* of owners; empty until the keys are open */
    struct blob_store *blobs;       /* of commands that open the keys */
    struct outbound *outbound;      /* of commands that open the keys */
    struct journal_options journal; /* of house_open_settings(): what to do with an older copy */
    int nursery;                    /* who starts the signer process (pki/signer_nursery.h); 0: we do */
    struct fleet *fleet;
};

enum house_use {
    HOUSE_SERVE, /* the one serving process: holds the node "whorld" */
    HOUSE_ADMIN, /* a command beside it: a node of its own, so its audit chain is its own */
    HOUSE_READ,  /* reads only */
    HOUSE_FOUND  /* init: a node beside the server too, but nothing that a journal could miss yet */
};

/** Opens a complete directory. @errors ERR_NOT_FOUND no installation here, ERR_UNPROCESSABLE half-made or
 * foreign, ERR_CONFLICT another process serves it, ERR_FORBIDDEN passphrase, ERR_WRONG_STATE its journal
 * knows more than its inventory @thread init */
err_t house_open(const char *folder, enum house_use use, struct house *out);
void house_close(struct house *house);
DEFINE_AUTO_VAL(house, house_close);

/** Its settings and its log alone: house_open_db() or house_open_rest() may follow. @errors as house_open()
 */
err_t house_open_settings(const char *folder, struct house *out);
/** What house_open() opens behind them; closes the house if it cannot. @errors as house_open() */
err_t house_open_rest(struct house *out, enum house_use use);
/** The fleet of an open keystore and inventory whose authorities are loaded. */
err_t house_open_fleet(struct house *house);
/** Puts the limits of requests that the settings name in force. @errors ERR_UNPROCESSABLE @thread init,
 * background */
err_t house_set_rates(struct house *house);
err_t house_open_db(struct house *house, enum house_use use);
/** The folder of the journal, as the settings say; caller owns. */
err_t house_journal_folder(const struct house *house, char **out);
/** An authority by its row and, where it is here, its key. @errors ERR_UNPROCESSABLE no such row, or it waits
 * for its certificate */
err_t house_load_authority(struct house *house, const char *id, struct authority **out);
/** The installation's default one of a role, for commands that open no fleet. */
err_t house_load_default(struct house *house, enum authority_role role, struct authority **out);
/** Brings inventory and journals of all nodes together, where they are not: replays or accepts, with what was
 * missing told on stderr. No server may run. @errors ERR_CONFLICT one does; ERR_DB @thread init */
err_t house_bring(const char *folder, enum journal_mode mode);
/* What a restore got out of the journals of all nodes. */
struct house_brought {
    int64_t entries, last_at_ms;
};
/** After a restore: replays the journal that the settings name, or accepts that it is not, and stderr says
 * what that costs. @errors as house_bring(); ERR_WRONG_STATE no journal, and that is not accepted */
err_t house_bring_restored(const char *folder, bool accepts, struct house_brought *out);
/** Is there a complete installation? The errors are those of house_open. */
err_t house_check_marker(const char *folder);
/** "folder/name"; caller owns. */
err_t house_path(const struct house *house, const char *name, char **out);

/** The text of a file, without the newline that an editor leaves at its end. @errors ERR_NOT_FOUND,
 * ERR_UNPROCESSABLE an empty file, ERR_IO */
err_t secret_file_read(const char *path, struct secret *out);

/* A secret from outside: a file that the settings name, else a systemd credential, else an environment
 * variable. */
struct secret_source {
    const char *file; /* "": none */
    const char *credential, *variable;
};
/** @param[out] is_there false: nowhere, and `out` is empty @errors ERR_NOT_FOUND, ERR_UNPROCESSABLE an empty
 * file, ERR_IO */
err_t secret_source_read(const struct secret_source *source, struct secret *out, bool *is_there);

/** The keystore that the settings name: files, or a token with files beside it. Its keys are to be freed
 * before it. @param folder of the keys @errors as keystore_open_files() and keystore_open_pkcs11();
 * ERR_UNPROCESSABLE keys of a token are here, and the settings name none @thread init */
err_t keystore_open_settings(const char *folder, const struct config *config, struct bytes passphrase,
                             struct keystore **out);
/* How `init` is told about a token: settings by option; NULL: not given. */
struct keystore_words {
    const char *keystore, *module, *token, *slot, *pin_file, *keys;
};
/** Puts them into the settings. @errors ERR_UNPROCESSABLE */
err_t keystore_words_apply(const struct keystore_words *words, struct config *config);
/** Destroys the keys that an interrupted `init` made in the token; none is no error.
 *  @param folder of the house @errors as keystore_open_settings(), keystore_forget() */
err_t keystore_forget_half_made(const char *folder, const struct config *config);
struct keystore_pkcs11;
/** The token that the settings name, without folder, passphrase and PIN; borrowed from the settings. */
void keystore_settings(const struct config *config, struct keystore_pkcs11 *out);

/** The passphrase by the order of docs/configuration.md. @param[out] is_embedded it lies beside the keys that
 * it protects */
err_t passphrase_read(const char *folder, const struct config *config, struct secret *out, bool *is_embedded);
/** Whether it comes from elsewhere than keys/passphrase. @errors ERR_NOT_FOUND, ERR_UNPROCESSABLE a file that
 * is named and empty */
err_t passphrase_is_given(const struct config *config, bool *out);
/** Makes keys/passphrase (0600), drawn (pki/keystore.h). */
err_t passphrase_make(const char *folder);

/* Who signs the server's certificate now, and what is sent behind it (DER, the signer's own certificate
 * first): borrowed. */
struct server_issuer {
    const struct authority *authority;
    const struct bytes *path;
    size_t path_count;
};
/** Makes sure that tls/server.pem is signed by this authority, names the hosts of the settings and has a
 * third of its life left; issues a new one otherwise. Behind it stands the path, whatever that is now.
 *  @param[out] leaf DER of what is in force; emptied first
 *  @param[out] is_new whether it was issued now */
err_t server_certificate_ensure(struct house *house, const struct server_issuer *by, struct buf *leaf,
                                bool *is_new);

/** Makes sure that ca.pem holds the roots that are in use. @errors ERR_IO, ERR_DISK_FULL */
err_t anchors_ensure(struct house *house);

#endif
