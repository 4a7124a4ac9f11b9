// SPDX-License-Identifier: Apache-2.0
// From a path to a SQLite connection that is ours alone, and whose content has been checked.
#pragma once

#include <sqlite3.h>
#include <stdbool.h>

#include "base/error.h"

// Open, or, with `create`, create if it is not there; else -ENOENT. ":memory:" is a store that ends with the process. The owner
// closes with sqlite3_close. Errors as store_open; a file that is refused is left as it was.
int sqlite_file_open(sqlite3 **out, const char *path, bool create, struct error *error);

// A new store that is no file of its own: in memory, and what exceeds the cache in a temporary file
// without a name. `name` is what errors call it.
int sqlite_file_open_private(sqlite3 **out, const char *name, struct error *error);

// The errno that a result of SQLite stands for, with a message about `path` and `action`.
int sqlite_file_error(sqlite3 *database, const char *path, const char *action, struct error *error);
