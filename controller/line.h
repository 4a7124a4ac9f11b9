// SPDX-License-Identifier: Apache-2.0
// The lines of a stream to an agent (docs/design/api.md). All with one reference.
#pragma once

#include "bytes.h"
#include "model/object.h"
#include "writer.h"

struct bytes *line_put(const struct object *object);
// The same after what is there already.
void line_put_to(struct writer *writer, const struct object *object);
// From `before`, another version of the same object.
struct bytes *line_patch(const struct object *before, const struct object *after);
struct bytes *line_delete(const struct object *object);
struct bytes *line_snapshot(uint64_t revision, const char *history);
struct bytes *line_commit(uint64_t revision, uint64_t digest);
struct bytes *line_ping(uint64_t digest);
