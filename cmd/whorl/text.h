/* Text of the server's, as a terminal may get it: without control characters, which could move the cursor,
 * change the title or hide what was printed. And how many columns a text takes. Prints nothing itself. */
#ifndef WHORL_CMD_WHORL_TEXT_H
#define WHORL_CMD_WHORL_TEXT_H

#include "base/bytes.h"

/** Appends `text` with everything made visible that a terminal would obey: C0, DEL and C1 controls and bytes
 * that are not UTF-8 as \xNN; line separators, directional marks and other formats of Unicode as \u{N}.
 *  @param keeps_lines line feeds and tabs stay: PEM, for people @errors ERR_NO_MEMORY @thread any */
err_t cli_text_escape(struct bytes text, bool keeps_lines, struct buf *out);
/** Columns of a terminal; combining marks take none, East Asian wide characters and emoji two. What is not
 * UTF-8 counts one a byte. */
size_t cli_text_width(struct bytes text);

#endif
