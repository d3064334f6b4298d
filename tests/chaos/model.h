/* What a disk holds and what it would hold after a power cut: each file and folder twice, live (what programs
 * see) and durable (what an fsync made safe), and between them the list of operations that no fsync covered,
 * in order. A cut keeps none of them, the first few, or any subset with writes torn at sectors. Folder
 * entries are durable only after an fsync of the folder: POSIX promises no more. Knows no FUSE. One thread.
 * Memory is given back at exit: a removed file may come back with the next cut. */
#ifndef WHORL_TESTS_CHAOS_MODEL_H
#define WHORL_TESTS_CHAOS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

enum { NAME_LIMIT = 256, SECTOR = 512 };

struct node;

struct entry {
    char name[NAME_LIMIT];
    struct node *node;
};
struct folder {
    struct entry *entries;
    size_t count, room;
};
struct content {
    uint8_t *data;
    size_t size, room;
};
struct node {
    bool is_folder;
    mode_t mode;
    uid_t uid;
    gid_t gid;
    ino_t number;
    struct folder live_entries, durable_entries;
    struct content live, durable;
};

enum cut { CUT_DROP, CUT_PREFIX, CUT_SUBSET };

struct model;
struct model *model_new(void);
struct node *model_root(struct model *model);

/** NULL when there is none. @param path absolute */
struct node *model_find(struct model *model, const char *path);
/** The folder of a path and the last part of it; NULL when there is no such folder. */
struct node *model_parent(struct model *model, const char *path, const char **name);
struct node *folder_get(const struct folder *folder, const char *name);

struct node *model_make(struct model *model, struct node *parent, const char *name, mode_t mode);
void model_unlink(struct model *model, struct node *parent, const char *name);
struct move {
    struct node *from, *to;
    const char *from_name, *to_name;
};
void model_rename(struct model *model, const struct move *move);
void model_write(struct model *model, struct node *node, off_t at, const void *data, size_t n);
void model_truncate(struct model *model, struct node *node, off_t size);

/** fsync of a file or a folder. */
void model_sync(struct model *model, struct node *node);
/** All that is live becomes durable. */
void model_settle(struct model *model);
/** The power goes and comes: what is live is what the cut left. The same seed cuts the same way. */
void model_cut(struct model *model, enum cut cut, unsigned seed);
size_t model_pending(const struct model *model);

#endif
