/* The two images and the operations between them (model.h). */
#include "tests/chaos/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum op_kind { OP_WRITE, OP_TRUNCATE, OP_ENTRY, OP_RENAME };

struct op {
    enum op_kind kind;
    struct node *node; /* the file; for entries the folder */
    off_t at;          /* of OP_WRITE; the size for OP_TRUNCATE */
    uint8_t *data;
    size_t n;
    char name[NAME_LIMIT];
    struct node *child; /* NULL: the entry goes */
    struct node *to;    /* of OP_RENAME */
    char to_name[NAME_LIMIT];
};

struct model {
    struct node *root;
    struct op *ops;
    size_t count, room;
    struct node **nodes;
    size_t node_count, node_room;
};

static void *grow(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return list;
    }
    *room = *room == 0 ? 16 : 2 * *room;
    void *more = realloc(list, *room * size);
    if (more == NULL) {
        abort();
    }
    return more;
}

/* --- folders ---------------------------------------------------------------------------------------- */

static struct entry *find_entry(const struct folder *folder, const char *name)
{
    for (size_t i = 0; i < folder->count; i++) {
        if (strcmp(folder->entries[i].name, name) == 0) {
            return &folder->entries[i];
        }
    }
    return NULL;
}

struct node *folder_get(const struct folder *folder, const char *name)
{
    const struct entry *entry = find_entry(folder, name);
    return entry == NULL ? NULL : entry->node;
}

static void folder_set(struct folder *folder, const char *name, struct node *node)
{
    struct entry *entry = find_entry(folder, name);
    if (node == NULL) {
        if (entry != NULL) {
            *entry = folder->entries[--folder->count];
        }
        return;
    }
    if (entry == NULL) {
        folder->entries = grow(folder->entries, folder->count, &folder->room, sizeof *folder->entries);
        entry = &folder->entries[folder->count++];
        (void)snprintf(entry->name, sizeof entry->name, "%s", name);
    }
    entry->node = node;
}

static void folder_copy(struct folder *to, const struct folder *from)
{
    to->count = 0;
    for (size_t i = 0; i < from->count; i++) {
        folder_set(to, from->entries[i].name, from->entries[i].node);
    }
}

/* --- contents --------------------------------------------------------------------------------------- */

static void content_resize(struct content *content, size_t size)
{
    if (size > content->room) {
        content->room = 2 * size;
        content->data = realloc(content->data, content->room);
        if (content->data == NULL) {
            abort();
        }
    }
    if (size > content->size) {
        memset(content->data + content->size, 0, size - content->size);
    }
    content->size = size;
}

static void content_write(struct content *content, off_t at, const uint8_t *data, size_t n)
{
    size_t end = (size_t)at + n;
    if (end > content->size) {
        content_resize(content, end);
    }
    if (n > 0) {
        memcpy(content->data + at, data, n);
    }
}

static void content_copy(struct content *to, const struct content *from)
{
    content_resize(to, from->size);
    if (from->size > 0) {
        memcpy(to->data, from->data, from->size);
    }
}

/* --- operations ------------------------------------------------------------------------------------- */

static struct op *add_op(struct model *model, enum op_kind kind, struct node *node)
{
    model->ops = grow(model->ops, model->count, &model->room, sizeof *model->ops);
    struct op *op = &model->ops[model->count++];
    *op = (struct op){.kind = kind, .node = node};
    return op;
}

/* A write whose sectors are each kept or lost; random NULL keeps them all. */
static void write_sectors(struct content *content, const struct op *op, unsigned *random)
{
    for (size_t done = 0; done < op->n;) {
        size_t n = SECTOR - ((size_t)op->at + done) % SECTOR;
        n = n > op->n - done ? op->n - done : n;
        if (random == NULL || rand_r(random) % 2 == 0) {
            content_write(content, op->at + (off_t)done, op->data + done, n);
        }
        done += n;
    }
}

static void apply(const struct op *op, unsigned *torn)
{
    switch (op->kind) {
    case OP_WRITE:
        write_sectors(&op->node->durable, op, torn);
        return;
    case OP_TRUNCATE:
        content_resize(&op->node->durable, (size_t)op->at);
        return;
    case OP_ENTRY:
        folder_set(&op->node->durable_entries, op->name, op->child);
        return;
    case OP_RENAME:
        folder_set(&op->node->durable_entries, op->name, NULL);
        folder_set(&op->to->durable_entries, op->to_name, op->child);
        return;
    }
}

static bool concerns(const struct op *op, const struct node *node)
{
    return op->node == node || (op->kind == OP_RENAME && op->to == node);
}

void model_sync(struct model *model, struct node *node)
{
    size_t kept = 0;
    for (size_t i = 0; i < model->count; i++) {
        struct op *op = &model->ops[i];
        if (concerns(op, node)) {
            apply(op, NULL);
            free(op->data);
        } else {
            model->ops[kept++] = *op;
        }
    }
    model->count = kept;
}

static void forget_ops(struct model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        free(model->ops[i].data);
    }
    model->count = 0;
}

void model_settle(struct model *model)
{
    for (size_t i = 0; i < model->count; i++) {
        apply(&model->ops[i], NULL);
    }
    forget_ops(model);
}

void model_cut(struct model *model, enum cut cut, unsigned seed)
{
    unsigned random = seed;
    size_t prefix = model->count > 0 ? (size_t)rand_r(&random) % (model->count + 1) : 0;
    for (size_t i = 0; i < model->count; i++) {
        bool is_kept = cut == CUT_PREFIX ? i < prefix : cut == CUT_SUBSET && rand_r(&random) % 2 == 0;
        if (is_kept) {
            apply(&model->ops[i], cut == CUT_SUBSET ? &random : NULL);
        }
    }
    forget_ops(model);
    for (size_t i = 0; i < model->node_count; i++) {
        struct node *node = model->nodes[i];
        folder_copy(&node->live_entries, &node->durable_entries);
        content_copy(&node->live, &node->durable);
    }
}

size_t model_pending(const struct model *model)
{
    return model->count;
}

/* --- what programs do ------------------------------------------------------------------------------- */

static struct node *add_node(struct model *model, mode_t mode)
{
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL) {
        abort();
    }
    model->nodes = grow(model->nodes, model->node_count, &model->node_room, sizeof *model->nodes);
    model->nodes[model->node_count++] = node;
    node->mode = mode;
    node->is_folder = (mode & S_IFMT) == S_IFDIR;
    node->number = model->node_count + 1;
    return node;
}

struct model *model_new(void)
{
    struct model *model = calloc(1, sizeof *model);
    if (model == NULL) {
        abort();
    }
    model->root = add_node(model, S_IFDIR | 0700);
    return model;
}

struct node *model_root(struct model *model)
{
    return model->root;
}

struct node *model_find(struct model *model, const char *path)
{
    struct node *at = model->root;
    char part[NAME_LIMIT];
    while (at != NULL && *path != '\0') {
        path += strspn(path, "/");
        size_t n = strcspn(path, "/");
        if (n == 0) {
            break;
        }
        if (n >= sizeof part || !at->is_folder) {
            return NULL;
        }
        memcpy(part, path, n);
        part[n] = '\0';
        at = folder_get(&at->live_entries, part);
        path += n;
    }
    return at;
}

struct node *model_parent(struct model *model, const char *path, const char **name)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    *name = slash + 1;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    struct node *parent = model_find(model, folder);
    return parent != NULL && parent->is_folder ? parent : NULL;
}

struct node *model_make(struct model *model, struct node *parent, const char *name, mode_t mode)
{
    struct node *node = add_node(model, mode);
    struct op *op = add_op(model, OP_ENTRY, parent);
    (void)snprintf(op->name, sizeof op->name, "%s", name);
    op->child = node;
    folder_set(&parent->live_entries, name, node);
    return node;
}

void model_unlink(struct model *model, struct node *parent, const char *name)
{
    struct op *op = add_op(model, OP_ENTRY, parent);
    (void)snprintf(op->name, sizeof op->name, "%s", name);
    folder_set(&parent->live_entries, name, NULL);
}

void model_rename(struct model *model, const struct move *move)
{
    struct op *op = add_op(model, OP_RENAME, move->from);
    (void)snprintf(op->name, sizeof op->name, "%s", move->from_name);
    (void)snprintf(op->to_name, sizeof op->to_name, "%s", move->to_name);
    op->child = folder_get(&move->from->live_entries, move->from_name);
    op->to = move->to;
    folder_set(&move->from->live_entries, move->from_name, NULL);
    folder_set(&move->to->live_entries, move->to_name, op->child);
}

void model_write(struct model *model, struct node *node, off_t at, const void *data, size_t n)
{
    struct op *op = add_op(model, OP_WRITE, node);
    op->at = at;
    op->n = n;
    op->data = malloc(n > 0 ? n : 1);
    if (op->data == NULL) {
        abort();
    }
    memcpy(op->data, data, n);
    content_write(&node->live, at, data, n);
}

void model_truncate(struct model *model, struct node *node, off_t size)
{
    struct op *op = add_op(model, OP_TRUNCATE, node);
    op->at = size;
    content_resize(&node->live, (size_t)size);
}
