// SPDX-License-Identifier: Apache-2.0
// The files that describe what is wanted: of one or of many, together one transaction.
#pragma once

#include "base/error.h"
#include "model/document.h"
#include "option.h"

struct files;

// Read and parse each path: a file, "-" for standard input, or a folder, of which the files that end in
// .yaml, .yml or .json are read, in the order of their names. An object described twice, and files that
// together describe nothing: -EINVAL. `out` is filled in every case, so that files_text can
// show where an error is. Release with files_free.
int files_read(struct files **out, const struct option_texts *paths, struct error *error);
void files_free(struct files *files);

// The objects of all files; a tenant that is only implied comes once.
size_t files_items(const struct files *files, const struct document_item *const **out);
// Fill file, line and column of an error that names an object of these files.
void files_locate(const struct files *files, struct error *error);
// What was read from the file that the error names; NULL if it names none of these. Borrowed.
const char *files_text(const struct files *files, const struct error *error);
