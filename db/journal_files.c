/* Finds the segments of a journal and follows the chain through them. Reads only; appending is in
 * journal_append.c. */
#include "db/journal_files.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static const char ENDING[] = ".journal";
enum { NUMBER_DIGITS = 16, FILE_MAX = 1 << 30 };

void journal_list_clear(struct journal_list *list)
{
    free(list->segments);
    *list = (struct journal_list){.segments = NULL};
}

/* "<node>-0000000000000001.journal", or 0. */
static int64_t name_number(const char *name, const char *node)
{
    size_t n = strlen(node);
    if (strncmp(name, node, n) != 0 || name[n] != '-' ||
        strlen(name) != n + 1 + NUMBER_DIGITS + sizeof ENDING - 1 ||
        strcmp(name + n + 1 + NUMBER_DIGITS, ENDING) != 0 ||
        strspn(name + n + 1, "0123456789") != NUMBER_DIGITS) {
        return 0;
    }
    return strtoll(name + n + 1, NULL, 10);
}

static int by_number(const void *a, const void *b)
{
    int64_t left = ((const struct journal_segment *)a)->first;
    int64_t right = ((const struct journal_segment *)b)->first;
    return left < right ? -1 : left > right;
}

static err_t list_add(struct journal_list *list, const char *name, int64_t first)
{
    struct journal_segment *grown = reallocarray(list->segments, list->count + 1, sizeof *grown);
    ENSURE(grown != NULL, ERR_NO_MEMORY, "the segments of a journal");
    list->segments = grown;
    struct journal_segment *segment = &grown[list->count++];
    *segment = (struct journal_segment){.first = first};
    (void)snprintf(segment->name, sizeof segment->name, "%s", name);
    return OK;
}

err_t journal_list_read(const char *folder, const char *node, struct journal_list *out)
{
    *out = (struct journal_list){.segments = NULL};
    AUTO_VAL(journal_list) list = {.segments = NULL};
    DIR *dir = opendir(folder);
    if (dir == NULL && errno == ENOENT) {
        return OK;
    }
    ENSURE(dir != NULL, ERR_IO, "%.100s: %s", folder, strerror(errno));
    err_t error = OK;
    for (const struct dirent *e = readdir(dir); e != NULL && error.code == ERR_OK; e = readdir(dir)) {
        int64_t first = name_number(e->d_name, node);
        error = first > 0 ? list_add(&list, e->d_name, first) : OK;
    }
    (void)closedir(dir);
    TRY(error);
    if (list.count > 1) {
        qsort(list.segments, list.count, sizeof list.segments[0], by_number);
    }
    *out = list;
    list = (struct journal_list){.segments = NULL};
    return OK;
}

/* --- following the chain ---------------------------------------------------------------------------- */

struct walk {
    const struct journal_place *place;
    const struct journal_segment *segment;
    journal_record_fn fn;
    void *arg;
    struct journal_end *end;
};

static err_t check_place(const struct walk *walk, int64_t seq, const struct sha256 *hash)
{
    bool is_other = seq == walk->place->seq && memcmp(hash->b, walk->place->hash.b, SHA256_SIZE) != 0;
    ENSURE(!is_other, ERR_DB,
           "%.44s: entry %lld is not that of the inventory: they are of different servers or of different "
           "copies",
           walk->segment->name, (long long)seq);
    return OK;
}

static err_t check_header(const struct walk *walk, struct bytes text, bool is_first,
                          struct journal_header *header)
{
    const char *name = walk->segment->name;
    err_t error = journal_header_decode(text, header);
    ENSURE(error.code == ERR_OK, ERR_DB, "%.60s, byte 0: %.60s", name, error.detail);
    bool is_ours = memcmp(header->installation.b, walk->place->installation.b, SHA256_SIZE) == 0;
    ENSURE(is_ours || walk->place->any_installation, ERR_DB, "%.60s is the journal of another installation",
           name);
    ENSURE(strcmp(header->node, walk->place->node) == 0 && header->first == walk->segment->first, ERR_DB,
           "%.60s was renamed: it is node %.40s from entry %lld", name, header->node,
           (long long)header->first);
    if (is_first) {
        walk->end->seq = header->first - 1;
        walk->end->hash = header->before;
        return header->first > 1 ? check_place(walk, walk->end->seq, &walk->end->hash) : OK;
    }
    ENSURE(header->first == walk->end->seq + 1 &&
               memcmp(header->before.b, walk->end->hash.b, SHA256_SIZE) == 0,
           ERR_DB, "%.60s does not follow entry %lld: a file of the journal is missing or was changed", name,
           (long long)walk->end->seq);
    return OK;
}

static err_t walk_records(const struct walk *walk, struct bytes text)
{
    struct journal_end *end = walk->end;
    while (end->size < text.n) {
        struct bytes rest = {text.p + end->size, text.n - end->size};
        struct journal_record record;
        enum journal_look look = JOURNAL_BAD;
        TRY(journal_look(rest, &end->hash, end->seq + 1, &record, &look));
        if (look != JOURNAL_WHOLE) {
            bool has_more = false;
            TRY(journal_finds_record(rest, &end->hash, end->seq + 1, &has_more));
            end->rest = rest.n;
            end->is_torn = !has_more;
            return OK;
        }
        TRY(check_place(walk, record.seq, &record.hash));
        TRY(walk->fn != NULL ? walk->fn(&record, walk->arg) : OK);
        end->seq = record.seq;
        end->hash = record.hash;
        end->size += record.size;
    }
    return OK;
}

err_t journal_follow(const struct journal_place *place, const struct journal_list *list, size_t from,
                     journal_record_fn fn, void *arg, struct journal_end *out)
{
    *out = (struct journal_end){.seq = 0};
    struct walk walk = {.place = place, .fn = fn, .arg = arg, .end = out};
    for (size_t i = from; i < list->count && out->rest == 0; i++) {
        AUTO(char) *path = NULL;
        AUTO_VAL(buf) text = {0};
        struct journal_header header;
        walk.segment = &list->segments[i];
        TRY(path_join(place->folder, walk.segment->name, &path));
        TRY(file_read(path, FILE_MAX, &text));
        TRY(check_header(&walk, buf_view(&text), i == from, &header));
        out->segment = i;
        out->size = header.size;
        TRY(walk_records(&walk, buf_view(&text)));
    }
    out->is_torn = out->is_torn && out->segment + 1 == list->count;
    return OK;
}
